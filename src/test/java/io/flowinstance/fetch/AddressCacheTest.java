package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class AddressCacheTest {
  private static final String NAME = "gateway.test";

  @Test
  @Timeout(60)
  void aNameThatMovesIsFoundAtItsNewAddressWithinSeconds(@TempDir Path folder) throws Exception {
    Path hosts = Files.writeString(folder.resolve("hosts"), "127.0.0.2 " + NAME + "\n");
    Process lookups =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djdk.net.hosts.file=" + hosts,
                "-cp",
                System.getProperty("java.class.path"),
                Lookups.class.getName())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader found = new BufferedReader(lookups.inputReader(StandardCharsets.UTF_8))) {
      assertEquals("127.0.0.2", found.readLine());
      Files.writeString(hosts, "127.0.0.3 " + NAME + "\n");
      long moved = System.nanoTime();

      assertEquals("127.0.0.3", found.readLine());

      long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - moved);
      assertTrue(took < 8_000, took + " ms");
    } finally {
      lookups.destroyForcibly();
    }
  }

  /** A process that says where the name is, and each time it is elsewhere. */
  static final class Lookups {
    public static void main(String[] args) throws IOException {
      AddressCache.shorten();
      String last = "";
      while (true) {
        String now = address();
        if (!now.equals(last)) {
          System.out.println(now);
          last = now;
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
      }
    }

    private static String address() {
      try {
        return InetAddress.getByName(NAME).getHostAddress();
      } catch (UnknownHostException e) {
        return "";
      }
    }
  }
}
