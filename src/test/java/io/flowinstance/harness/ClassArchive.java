package io.flowinstance.harness;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * The classes that the JAR loads when it starts, as the image has them: each start after the first
 * one takes half the time.
 *
 * @see <a href="https://openjdk.org/jeps/350">JEP 350: Dynamic CDS Archives</a>
 */
final class ClassArchive {
  private static final Map<String, String> NOTHING_TO_REACH =
      Map.of(
          "KAFKA_BOOTSTRAP_SERVERS", "localhost:1",
          "ENOS_BASE_URL", "http://localhost:1",
          "ENOS_AUTH", "none",
          "ENOS_USER_ID", "none",
          "ENOS_ORG_ID", "none");

  private ClassArchive() {}

  /** That of this JAR and this JVM; the first process of a build that asks makes it for all. */
  static synchronized Path of(Path jar) {
    Path folder = Path.of("target", "processes");
    try (FileChannel channel =
            FileChannel.open(
                Files.createDirectories(folder).resolve("classes.lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock held = channel.lock()) {
      assert held.isValid();
      Path archive =
          folder.resolve(
              "%s-%d.jsa".formatted(Runtime.version(), Files.getLastModifiedTime(jar).toMillis()));
      if (!Files.exists(archive)) {
        make(archive);
      }
      return archive;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void make(Path archive) {
    try (ApplicationProcess process =
        ApplicationProcess.launch(
            List.of("-XX:TieredStopAtLevel=1", "-XX:ArchiveClassesAtExit=" + archive),
            NOTHING_TO_REACH)) {
      await().atMost(Duration.ofMinutes(1)).until(() -> !process.health("live").isEmpty());
      process.stop(Duration.ofMinutes(1));
    }
  }
}
