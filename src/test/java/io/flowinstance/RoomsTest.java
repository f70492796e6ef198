package io.flowinstance;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;

/** The rooms of the house: nothing imports upward, and meaning knows no transport. */
@AnalyzeClasses(packages = "io.flowinstance", importOptions = ImportOption.DoNotIncludeTests.class)
class RoomsTest {
  @ArchTest
  static final ArchRule NOTHING_IMPORTS_UPWARD =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("application")
          .definedBy("io.flowinstance")
          .layer("command")
          .definedBy("..command")
          .layer("route")
          .definedBy("..route")
          .layer("fetch")
          .definedBy("..fetch")
          .layer("delivery")
          .definedBy("..delivery")
          .layer("kafka")
          .definedBy("..kafka")
          .layer("enos")
          .definedBy("..enos")
          .layer("event")
          .definedBy("..event")
          .layer("graph")
          .definedBy("..graph")
          .layer("metrics")
          .definedBy("..metrics")
          .layer("trace")
          .definedBy("..trace")
          .layer("json")
          .definedBy("..json")
          .whereLayer("application")
          .mayOnlyBeAccessedByLayers("command")
          .whereLayer("command")
          .mayOnlyBeAccessedByLayers("application")
          .whereLayer("route")
          .mayOnlyBeAccessedByLayers("application")
          .whereLayer("fetch")
          .mayOnlyBeAccessedByLayers("application", "command", "route", "kafka")
          .whereLayer("kafka")
          .mayOnlyBeAccessedByLayers("application", "command", "route")
          .whereLayer("delivery")
          .mayOnlyBeAccessedByLayers("application", "command", "route", "kafka")
          .whereLayer("enos")
          .mayOnlyBeAccessedByLayers("application", "command", "route", "fetch", "delivery")
          .whereLayer("metrics")
          .mayOnlyBeAccessedByLayers("application", "fetch", "kafka")
          .whereLayer("trace")
          .mayOnlyBeAccessedByLayers("application", "route", "fetch", "delivery", "kafka")
          .whereLayer("event")
          .mayOnlyBeAccessedByLayers("application", "command", "route", "delivery")
          .whereLayer("graph")
          .mayOnlyBeAccessedByLayers("application", "command", "route", "event");

  @ArchTest
  static final ArchRule MEANING_KNOWS_NO_TRANSPORT =
      ArchRuleDefinition.noClasses()
          .that()
          .resideInAnyPackage("..enos", "..event", "..graph", "..json")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache..");

  @ArchTest
  static final ArchRule FETCH_AND_MEANING_KNOW_NO_KAFKA =
      ArchRuleDefinition.noClasses()
          .that()
          .resideInAnyPackage("..fetch", "..trace", "..enos", "..event", "..graph", "..json")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.kafka..");

  @ArchTest
  static final ArchRule ONLY_TRACE_KNOWS_OPEN_TELEMETRY =
      ArchRuleDefinition.noClasses()
          .that()
          .resideOutsideOfPackage("..trace")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.opentelemetry..");
}
