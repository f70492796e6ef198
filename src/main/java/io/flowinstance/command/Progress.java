package io.flowinstance.command;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A progress bar on standard error, if somebody watches; it vanishes in the end. */
final class Progress implements AutoCloseable {
  private static final int WIDTH = 78;

  private final ProgressBar bar;

  private Progress(ProgressBar bar) {
    this.bar = bar;
  }

  /**
   * Begins.
   *
   * @param what is done, a word or two
   * @param most the count at which it is done, or -1 when that is not known yet
   */
  static Progress of(CommandContext context, String what, long most) {
    if (!context.watched().getAsBoolean()) {
      return new Progress(null);
    }
    PrintStream err = new PrintStream(new FileOutputStream(FileDescriptor.err), true);
    return new Progress(
        new ProgressBarBuilder()
            .setTaskName(what)
            .setInitialMax(most)
            .setStyle(
                context.unicode() ? ProgressBarStyle.COLORFUL_UNICODE_BAR : ProgressBarStyle.ASCII)
            .setConsumer(new ConsoleProgressBarConsumer(err, WIDTH))
            .clearDisplayOnFinish()
            .build());
  }

  void to(long count) {
    if (bar != null) {
      bar.stepTo(count);
    }
  }

  void to(long count, long most) {
    if (bar != null) {
      bar.maxHint(most);
      bar.stepTo(count);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
