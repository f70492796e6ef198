package io.flowinstance.app;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The files of {@code routes/} beside this class. Camel finds them by a wildcard too, but unpacks
 * the whole JAR for that, which takes half of the start.
 */
final class RouteFiles {
  private static final String FOLDER = "routes/";

  private RouteFiles() {}

  /** A pattern for Camel that names each of them. */
  static String pattern() {
    try {
      Path place =
          Path.of(RouteFiles.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      if (Files.isDirectory(place)) {
        try (Stream<Path> files = Files.list(place.resolve(FOLDER))) {
          return pattern(files.map(file -> FOLDER + file.getFileName()));
        }
      }
      try (JarFile jar = new JarFile(place.toFile())) {
        return pattern(jar.stream().map(entry -> entry.getName()));
      }
    } catch (IOException | URISyntaxException e) {
      throw new IllegalStateException("The routes cannot be found: " + e.getMessage(), e);
    }
  }

  private static String pattern(Stream<String> names) {
    return names
        .filter(name -> name.startsWith(FOLDER) && name.endsWith(".camel.yaml"))
        .map(name -> "classpath:" + name)
        .sorted()
        .collect(Collectors.joining(","));
  }
}
