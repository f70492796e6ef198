package io.flowinstance;

import io.flowinstance.app.Application;
import io.flowinstance.command.CommandLineInterface;
import java.util.Map;

/** The command that the arguments name, or else the pipeline. */
public final class Main {
  private Main() {}

  /** Runs until the command is done, or the process is asked to stop. */
  public static void main(String[] args) {
    // Vert.x would make a folder for what it unpacks from the class path, which is nothing.
    System.setProperty("vertx.disableFileCPResolving", "true");
    System.exit(
        CommandLineInterface.run(args, () -> Application.run(() -> Application.start(Map.of()))));
  }
}
