package io.flowinstance.fetch;

import java.security.Security;

/** How long the JVM keeps the addresses of a host name. */
public final class AddressCache {
  private AddressCache() {}

  /**
   * Sets 3 s for addresses and 1 s for a name without any, where the JDK has 30 s and 10 s: a
   * gateway that moves is called at its new address within seconds. It has no effect in a JVM that
   * looked a name up before.
   */
  public static void shorten() {
    Security.setProperty("networkaddress.cache.ttl", "3");
    Security.setProperty("networkaddress.cache.negative.ttl", "1");
  }
}
