package io.flowinstance.broker;

import java.io.IOException;
import java.io.UncheckedIOException;
import kafka.Kafka;

/**
 * What runs in the broker's process: Kafka, and a watch on the process that started it.
 *
 * <p>A process that is killed runs no shutdown hook, but its end of the pipe to our standard input
 * closes. Without this watch, a cancelled test run would leave its broker behind.
 */
final class BrokerProcess {
  private BrokerProcess() {}

  public static void main(String[] args) {
    Thread watch = new Thread(BrokerProcess::endWithParent, "end-with-parent");
    watch.setDaemon(true);
    watch.start();
    Kafka.main(args);
  }

  private static void endWithParent() {
    try {
      while (System.in.read() >= 0) {
        // Nobody writes to it.
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      Runtime.getRuntime().halt(1);
    }
  }
}
