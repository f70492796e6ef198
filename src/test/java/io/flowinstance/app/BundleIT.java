package io.flowinstance.app;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Test;

/** What ships beside the code: licences, and the list of what is bundled. */
class BundleIT {
  private static final Path JAR = Path.of(System.getProperty("application.jar"));

  @Test
  void theProgramIsTheOnlyJarOfItsFolder() throws IOException {
    try (Stream<Path> files = Files.list(JAR.getParent())) {
      assertEquals(List.of(JAR), files.filter(file -> file.toString().endsWith("jar")).toList());
    }
  }

  @Test
  void theSbomNamesEveryBundledJarAndNoOther() throws IOException, NoSuchAlgorithmException {
    Map<String, String> bundled = new TreeMap<>();
    for (Path jar : bundled()) {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(jar));
      bundled.put(jar.getFileName().toString(), HexFormat.of().formatHex(hash));
    }
    Map<String, String> named = new TreeMap<>();
    for (JsonNode component : sbom().get("components")) {
      String file = component.get("name").textValue() + "-" + component.get("version").textValue();
      for (JsonNode hash : component.get("hashes")) {
        if (hash.get("alg").textValue().equals("SHA-256")) {
          named.put(file + ".jar", hash.get("content").textValue());
        }
      }
    }

    // Since Kotlin 1.8 they have no classes, and so cannot be seen in the program.
    named.keySet().removeIf(name -> name.matches("kotlin-stdlib-(common|jdk7|jdk8)-.*"));
    assertTrue(bundled.size() > 100, bundled::toString);
    assertEquals(bundled, named);
  }

  @Test
  void theSbomNamesALicenceOfEveryBundledJar() throws IOException {
    for (JsonNode component : sbom().get("components")) {
      assertTrue(component.at("/licenses/0").isObject(), component.get("purl")::textValue);
    }
  }

  @Test
  void theJarContainsItsLicenceAndNoticeAndTheLicencesThatItsPartsBring() throws IOException {
    try (JarFile program = new JarFile(JAR.toFile())) {
      assertEquals(Files.readString(Path.of("LICENSE")), text(program, "META-INF/LICENSE"));
      String notice = text(program, "META-INF/NOTICE");
      assertTrue(notice.contains(Files.readString(Path.of("NOTICE")).lines().toList().get(2)));
      assertTrue(notice.contains("Apache Camel"), notice);
      for (Path jar : bundled()) {
        String folder =
            "META-INF/licenses/" + jar.getFileName().toString().replaceFirst(".jar$", "-jar/");
        for (ZipEntry entry : entries(jar)) {
          if (entry.getName().matches("(META-INF/)?LICENSE(\\.\\w+)?")) {
            assertEquals(
                entry.getCrc(), crc(program, folder + entry.getName()), jar + ": " + entry);
          }
        }
      }
    }
  }

  private static JsonNode sbom() throws IOException {
    File sbom = JAR.resolveSibling("flow-instance-routes.cdx.json").toFile();
    assumeTrue(sbom.exists(), "Maven makes no SBOM when it is offline");
    return new ObjectMapper().readTree(sbom);
  }

  /** The JARs of the class path whose classes are all in the program. */
  private static List<Path> bundled() throws IOException {
    List<Path> bundled = new ArrayList<>();
    try (JarFile program = new JarFile(JAR.toFile())) {
      for (String name : System.getProperty("java.class.path").split(File.pathSeparator)) {
        if (name.endsWith(".jar") && !name.contains("flow-instance-routes")) {
          List<ZipEntry> classes =
              entries(Path.of(name)).stream()
                  .filter(entry -> entry.getName().endsWith(".class"))
                  .filter(entry -> !entry.getName().endsWith("module-info.class"))
                  .toList();
          if (!classes.isEmpty()
              && classes.stream().allMatch(one -> crc(program, one.getName()) == one.getCrc())) {
            bundled.add(Path.of(name));
          }
        }
      }
    }
    return bundled;
  }

  private static List<ZipEntry> entries(Path jar) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      return file.stream().map(ZipEntry.class::cast).toList();
    }
  }

  private static long crc(JarFile jar, String name) {
    ZipEntry entry = jar.getEntry(name);
    return entry == null ? -1 : entry.getCrc();
  }

  private static String text(JarFile jar, String name) throws IOException {
    return new String(jar.getInputStream(jar.getEntry(name)).readAllBytes(), UTF_8);
  }
}
