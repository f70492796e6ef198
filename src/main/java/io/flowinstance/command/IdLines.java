package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.id.MalformedIdException;
import io.flowinstance.json.Json;
import io.flowinstance.json.Printable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.LineNumberReader;
import java.nio.charset.CharacterCodingException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Ids from a text, one per line. A line may be whatever an id record may be: a bare id, or JSON
 * with a user and an organization. Blank lines and lines that begin with {@code #} are skipped.
 * Each id is kept once, in the order of its first line.
 *
 * @param values the value of each id record, by what it asks for
 * @param repeated how many lines repeat an earlier one
 */
record IdLines(Map<InstanceQuery, String> values, int repeated) {
  private static final int MOST_SHOWN = 10;

  /**
   * Reads all lines.
   *
   * @param source names the text in an error
   * @throws CommandFailedException the text cannot be read, or some lines are not ids
   */
  static IdLines read(InputStream in, String source) {
    // The pipeline knows the user and the organization of an id that names none.
    IdRecordReader ids = new IdRecordReader(null, null);
    Map<InstanceQuery, String> values = new LinkedHashMap<>();
    List<String> faults = new ArrayList<>();
    int repeated = 0;
    try {
      LineNumberReader lines = new LineNumberReader(new InputStreamReader(in, UTF_8.newDecoder()));
      for (String line; (line = lines.readLine()) != null; ) {
        String text = Json.trim(line);
        if (text.isEmpty() || text.startsWith("#")) {
          continue;
        }
        try {
          if (values.putIfAbsent(ids.read(text.getBytes(UTF_8)), text) != null) {
            repeated++;
          }
        } catch (MalformedIdException e) {
          faults.add(
              "%n  line %d: %s".formatted(lines.getLineNumber(), Printable.of(e.getMessage())));
        }
      }
    } catch (CharacterCodingException e) {
      throw new CommandFailedException("%s is not UTF-8 text.".formatted(source), e);
    } catch (IOException e) {
      throw new CommandFailedException(
          "%s cannot be read: %s".formatted(source, e.getMessage()), e);
    }
    if (!faults.isEmpty()) {
      throw new CommandFailedException(
          "%s of %s without an id, and nothing was sent:%s%s"
              .formatted(
                  Words.count(faults.size(), "line"),
                  source,
                  String.join("", faults.subList(0, Math.min(MOST_SHOWN, faults.size()))),
                  faults.size() > MOST_SHOWN ? "%n  …".formatted() : ""));
    }
    return new IdLines(values, repeated);
  }
}
