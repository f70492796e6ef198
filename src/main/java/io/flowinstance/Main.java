package io.flowinstance;

import io.flowinstance.app.Application;
import io.flowinstance.command.CommandLineInterface;

/** The command that the arguments name, or else the pipeline. */
public final class Main {
  private Main() {}

  /** Runs until the command is done, or the process is asked to stop. */
  public static void main(String[] args) {
    System.exit(CommandLineInterface.run(args, Application::run));
  }
}
