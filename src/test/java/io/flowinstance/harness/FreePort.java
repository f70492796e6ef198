package io.flowinstance.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A TCP port of the loopback interface that nobody listens on.
 *
 * <p>It lies below the range from which Linux takes the ports of outgoing connections (32768 and
 * up): a server that goes away and comes back on its port would otherwise find it taken now and
 * then, even by a client that tried to reach it.
 */
public final class FreePort {
  private static final int LOWEST = 20_000;
  private static final int HIGHEST = 32_000;
  private static final int ATTEMPTS = 200;

  /** Whoever picked one may not listen on it yet. */
  private static final Set<Integer> PICKED = ConcurrentHashMap.newKeySet();

  private FreePort() {}

  /** Picks one, and each only once. Throws IllegalStateException when 200 attempts found none. */
  public static int pick() {
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      int port = ThreadLocalRandom.current().nextInt(LOWEST, HIGHEST);
      if (PICKED.add(port) && isFree(port)) {
        return port;
      }
    }
    throw new IllegalStateException(
        "No free port between " + LOWEST + " and " + HIGHEST + " in " + ATTEMPTS + " attempts");
  }

  /** Picks the wanted port if it is free, else any other. */
  public static int pick(int wanted) {
    if (isFree(wanted)) {
      PICKED.add(wanted);
      return wanted;
    }
    return pick();
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (java.net.BindException e) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
