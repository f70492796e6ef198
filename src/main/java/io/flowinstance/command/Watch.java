package io.flowinstance.command;

import io.flowinstance.app.Application;
import io.flowinstance.app.ChangeFeed;
import io.flowinstance.config.Settings;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Runs the change feed, until it is asked to stop. */
@Command(
    name = "watch",
    mixinStandardHelpOptions = true,
    header = "Publishes status changes, and asks again for instances that have not settled.",
    description = {
      "Runs the change feed until it is asked to stop: reads the instances that the pipeline"
          + " publishes, publishes every change of a status, and sends the ids of instances that"
          + " have not settled back to the pipeline. Needs Kafka, and no login of EnOS.",
      ""
    })
final class Watch implements Callable<Integer> {
  private final CommandContext context;

  Watch(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() throws InterruptedException {
    Settings settings = context.settings(Settings.Part.KAFKA, Settings.Part.WATCH);
    return Application.run(() -> ChangeFeed.start(settings));
  }
}
