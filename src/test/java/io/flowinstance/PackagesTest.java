package io.flowinstance;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.conditions.ArchConditions.onlyDependOnClassesThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.CompositeArchRule;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** The packages of docs/architecture.md: nothing imports upward, and meaning knows no transport. */
@AnalyzeClasses(packages = "io.flowinstance", importOptions = ImportOption.DoNotIncludeTests.class)
class PackagesTest {
  private static final String[] ALL_BELOW_APP = {
    "kamelet",
    "watch",
    "kafka",
    "discover",
    "outcome",
    "fetch",
    "id",
    "event",
    "graph",
    "enos",
    "config",
    "json",
    "trace",
    "metrics"
  };

  private static final String[] ALL_BELOW_COMMAND =
      Stream.concat(Stream.of("app"), Arrays.stream(ALL_BELOW_APP)).toArray(String[]::new);

  private static ArchRule imports(String name, String... mayImport) {
    String[] packages =
        Arrays.stream(mayImport).map(each -> "io.flowinstance." + each).toArray(String[]::new);
    return ArchRuleDefinition.classes()
        .that(resideInAPackage("io.flowinstance." + name))
        .should(
            onlyDependOnClassesThat(
                resideInAnyPackage(packages)
                    .or(resideInAPackage("io.flowinstance." + name))
                    .or(JavaClass.Predicates.resideOutsideOfPackage("io.flowinstance.."))))
        .as(name + " imports no other package than " + List.of(mayImport));
  }

  @ArchTest
  static final ArchRule NOTHING_IMPORTS_UPWARD =
      CompositeArchRule.of(
          List.of(
              imports("command", ALL_BELOW_COMMAND),
              imports("app", ALL_BELOW_APP),
              imports("kamelet", "fetch", "id", "event", "graph", "enos", "json", "trace"),
              imports("watch", "outcome", "event", "json", "metrics"),
              imports("kafka", "outcome", "fetch", "id", "discover", "trace", "metrics"),
              imports("discover", "enos", "json"),
              imports("outcome", "event", "id", "enos", "json", "trace"),
              imports("fetch", "enos", "json", "trace", "metrics"),
              imports("id", "enos", "json", "trace"),
              imports("event", "graph", "json"),
              imports("graph", "json"),
              imports("enos", "json"),
              imports("config"),
              imports("json"),
              imports("log", "json"),
              imports("trace"),
              imports("metrics")));

  @ArchTest
  static final ArchRule ONLY_MAIN_IS_AT_THE_ROOT =
      ArchRuleDefinition.classes()
          .that()
          .resideInAPackage("io.flowinstance")
          .should()
          .haveSimpleName("Main");

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
