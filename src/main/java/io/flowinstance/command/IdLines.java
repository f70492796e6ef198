package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.id.MalformedIdException;
import io.flowinstance.json.Printable;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads ids, one per line: anything that an id record may hold, so that an id with its user and
 * organization, as JSON, is one too. Blank lines and those that begin with {@code #} are passed
 * over.
 */
final class IdLines {
  /** The pipeline knows the user and the organization of an id that names none. */
  private static final IdRecordReader NOBODYS = new IdRecordReader(null, null);

  private static final int MOST_SHOWN = 10;
  private static final String BYTE_ORDER_MARK = "\uFEFF";

  private final Map<InstanceQuery, String> values = new LinkedHashMap<>();
  private final List<String> faults = new ArrayList<>();
  private int repeated;

  private IdLines() {}

  /**
   * The ids, each once, in the order of their first lines.
   *
   * @param values by what is asked for, what the id record will hold
   * @param repeated how many lines asked for what an earlier one asked for
   */
  record Ids(Map<InstanceQuery, String> values, int repeated) {}

  /**
   * Reads to the end.
   *
   * @param source what is read, for a sentence
   * @throws CommandFailedException it cannot be read, or some lines hold no id: all of them count
   */
  static Ids read(InputStream in, String source) {
    IdLines lines = new IdLines();
    try {
      BufferedReader reader = new BufferedReader(new InputStreamReader(in, UTF_8.newDecoder()));
      int number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        number++;
        lines.add(
            number == 1 && line.startsWith(BYTE_ORDER_MARK) ? line.substring(1) : line, number);
      }
    } catch (CharacterCodingException e) {
      throw new CommandFailedException("%s is no UTF-8 text.".formatted(source), e);
    } catch (IOException e) {
      throw new CommandFailedException(
          "%s cannot be read: %s".formatted(source, e.getMessage()), e);
    }
    if (!lines.faults.isEmpty()) {
      throw new CommandFailedException(
          "%s of %s without an id, and nothing was sent:%n%s%s"
              .formatted(
                  Count.of(lines.faults.size(), "line"),
                  source,
                  String.join(
                      System.lineSeparator(),
                      lines.faults.subList(0, Math.min(MOST_SHOWN, lines.faults.size()))),
                  lines.faults.size() > MOST_SHOWN ? System.lineSeparator() + "  …" : ""));
    }
    return new Ids(lines.values, lines.repeated);
  }

  private void add(String line, int number) {
    String text = line.strip();
    if (text.isEmpty() || text.startsWith("#")) {
      return;
    }
    try {
      InstanceQuery query = NOBODYS.read(text.getBytes(UTF_8));
      if (values.putIfAbsent(query, text) != null) {
        repeated++;
      }
    } catch (MalformedIdException e) {
      faults.add("  line %d: %s".formatted(number, Printable.of(e.getMessage())));
    }
  }
}
