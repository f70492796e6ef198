package io.flowinstance.json;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.POJONode;
import com.fasterxml.jackson.databind.node.TreeTraversingParser;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The body of an HTTP answer, read as {@link Json#readLenient(byte[])} does. A body that is not
 * JSON is a value too: the HTTP status is read before the body.
 *
 * @param bytes the body as it came; null where there was none
 * @param json what it holds; null when it cannot be read. When it is not UTF-8, names and numbers
 *     alone can be relied on, and there is a fault
 * @param fault why it cannot be read, a sentence without its full stop; null when it can
 * @param tooLarge whether it cannot be read because it breaks a limit of {@link Json}
 */
public record JsonBody(byte[] bytes, JsonNode json, String fault, boolean tooLarge) {
  private static final Pattern SECOND_BYTE = Pattern.compile("[\\x80-\\xff]\\\\");

  /** Reads a body, which may be null. */
  public static JsonBody of(byte[] bytes) {
    try {
      return new JsonBody(
          bytes, Json.readLenient(bytes == null ? new byte[0] : bytes), null, false);
    } catch (MalformedJsonException e) {
      return new JsonBody(
          bytes, bytes == null ? null : byteByByte(bytes), e.getOriginalMessage(), e.isTooLarge());
    }
  }

  /** What stands in a body of another charset, read as if each byte were a character; or null. */
  private static JsonNode byteByByte(byte[] bytes) {
    if (new String(bytes, UTF_8).indexOf('\uFFFD') < 0) {
      return null;
    }
    String text = new String(bytes, ISO_8859_1);
    // The second byte of a character may look like a backslash.
    for (String read : List.of(text, SECOND_BYTE.matcher(text).replaceAll("?"))) {
      try {
        return Json.readLenient(read);
      } catch (MalformedJsonException e) {
        // Tried in the other way, or no JSON in any.
      }
    }
    return null;
  }

  /** A mapper that reads any bytes as a {@link JsonBody}, for data formats. */
  public static ObjectMapper mapper() {
    return new ObjectMapper(new BodyFactory());
  }

  /**
   * Gives the whole body as its one token. Jackson's own parsers fail at bytes that are not JSON,
   * and begin to give tokens before they know whether the text has to be restored.
   */
  private static final class BodyFactory extends JsonFactory {
    private static final long serialVersionUID = 1L;

    @Override
    public JsonParser createParser(byte[] bytes) {
      return new TreeTraversingParser(new POJONode(JsonBody.of(bytes)), getCodec());
    }

    @Override
    public JsonParser createParser(InputStream in) throws IOException {
      return createParser(in.readAllBytes());
    }
  }
}
