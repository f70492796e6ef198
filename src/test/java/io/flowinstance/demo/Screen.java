package io.flowinstance.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.AttributedStringBuilder;
import org.jline.utils.AttributedStyle;
import org.jline.utils.InfoCmp.Capability;

/**
 * The terminal, or what stands in for it: a pipe or a file gets plain text without progress, and so
 * does a terminal that can do no more; {@code NO_COLOR} turns off colours alone.
 */
final class Screen implements AutoCloseable {
  private static final int DEFAULT_WIDTH = 100;
  private static final int FRAME_MILLIS = 80;
  private static final String UNICODE_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
  private static final String ASCII_FRAMES = "|/-\\";

  private final Terminal terminal;
  private final boolean lively;
  private final boolean coloured;
  private final boolean unicode;

  Screen() {
    try {
      terminal =
          TerminalBuilder.builder()
              .system(true)
              .systemOutput(TerminalBuilder.SystemOutput.SysOut)
              .dumb(true)
              .build();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    lively = !terminal.getType().startsWith(Terminal.TYPE_DUMB);
    coloured = lively && System.getenv("NO_COLOR") == null;
    unicode = encodes(terminal.encoding());
  }

  Terminal terminal() {
    return terminal;
  }

  /** Whether a person sits before it, who may be shown progress and asked for input. */
  boolean lively() {
    return lively;
  }

  int width() {
    return terminal.getWidth() > 0 ? terminal.getWidth() : DEFAULT_WIDTH;
  }

  /** The Unicode sign, or the ASCII one where the terminal's encoding has no other. */
  String sign(String unicodeSign, String asciiSign) {
    return unicode ? unicodeSign : asciiSign;
  }

  void print(String lines) {
    terminal.writer().println(unicode ? lines : ascii(lines));
    terminal.flush();
  }

  String strong(String text) {
    return styled(text, AttributedStyle.BOLD);
  }

  String faint(String text) {
    return styled(text, AttributedStyle.DEFAULT.foreground(AttributedStyle.BRIGHT));
  }

  String good(String text) {
    return styled(text, AttributedStyle.DEFAULT.foreground(AttributedStyle.GREEN));
  }

  String busy(String text) {
    return styled(text, AttributedStyle.DEFAULT.foreground(AttributedStyle.CYAN));
  }

  String odd(String text) {
    return styled(text, AttributedStyle.DEFAULT.foreground(AttributedStyle.YELLOW));
  }

  String bad(String text) {
    return styled(text, AttributedStyle.DEFAULT.foreground(AttributedStyle.RED));
  }

  /** Does the work; on a terminal, a sign turns beside the text meanwhile, and both vanish. */
  <T> T during(String text, Callable<T> work) throws Exception {
    if (!lively) {
      return work.call();
    }
    FutureTask<T> task = new FutureTask<>(work);
    Thread worker = new Thread(task, "demo-" + text);
    worker.setDaemon(true);
    worker.start();
    String frames = unicode ? UNICODE_FRAMES : ASCII_FRAMES;
    try {
      for (int frame = 0; ; frame++) {
        String sign = String.valueOf(frames.charAt(frame % frames.length()));
        terminal.writer().print("\r" + busy(sign) + " " + text);
        terminal.flush();
        try {
          return task.get(FRAME_MILLIS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException stillAtWork) {
          // The next frame.
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Exception cause) {
        throw cause;
      }
      throw e;
    } finally {
      terminal.writer().print("\r");
      terminal.puts(Capability.clr_eol);
      terminal.flush();
    }
  }

  @Override
  public void close() {
    try {
      terminal.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String styled(String text, AttributedStyle style) {
    return coloured ? new AttributedStringBuilder().styled(style, text).toAnsi(terminal) : text;
  }

  private static boolean encodes(Charset charset) {
    return charset.canEncode() && charset.newEncoder().canEncode(UNICODE_FRAMES + "✔─│·");
  }

  private static String ascii(String text) {
    return text.replace('·', '-').replace('─', '-').replace('…', '.').replace('–', '-');
  }
}
