package io.flowinstance;

/** Starts the pipeline. */
public final class Application {
  private Application() {}

  /** Runs until the process is asked to stop. */
  public static void main(String[] args) {}
}
