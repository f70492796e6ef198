package io.flowinstance.json;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.ErrorReportConfiguration;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.core.util.BufferRecycler;
import com.fasterxml.jackson.core.util.ByteArrayBuilder;
import com.fasterxml.jackson.core.util.RecyclerPool;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.BigIntegerNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The one reader and writer of JSON: bounded, strict, and exact to the last digit of a decimal.
 *
 * <p>Of a key that stands twice in one object, the last value counts, as in most readers of JSON.
 */
public final class Json {
  /** Objects and arrays inside each other. */
  public static final int MAX_NESTING = 100;

  /** Where Jackson says that a value began, with a notice about what it leaves out. */
  private static final Pattern START_MARKER = Pattern.compile(" \\(start marker at .*\\)");

  /** Characters of one number. */
  public static final int MAX_NUMBER_LENGTH = 100;

  /** Characters of one text: a response of 16 MiB may be one {@code graph} string. */
  public static final int MAX_TEXT_LENGTH = 16 * 1024 * 1024;

  /**
   * Names, values and brackets of one text, so that what is read of it takes a bounded heap: a
   * graph of 10,000 tasks has about 300,000.
   */
  public static final int MAX_TOKENS = 1_000_000;

  /**
   * Texts inside each other that are JSON: each further one may cost as much as the first, and a
   * text of 16 MiB may hold thousands.
   */
  public static final int MAX_TEXTS_INSIDE = 4;

  /** A shorter text is read before its bytes are made. */
  private static final int LEAST_IN_UTF8 = 256;

  private static final int MAX_QUOTED_LENGTH = 16;

  /** More are rarely at work on the processors that there are. */
  private static final int READERS_AT_ONCE = 2 * Runtime.getRuntime().availableProcessors();

  private static final char BYTE_ORDER_MARK = '\uFEFF';

  /** A blank to Unicode, a control character to Java. */
  private static final char NEXT_LINE = '\u0085';

  /** A backslash and what belongs to it: a whole pair, half of one (the group), anything else. */
  private static final Pattern ESCAPE =
      Pattern.compile(
          "\\\\(?:u[dD][89abAB]\\p{XDigit}{2}\\\\u[dD][c-fC-F]\\p{XDigit}{2}"
              + "|(u[dD][89a-fA-F]\\p{XDigit}{2})|.)",
          Pattern.DOTALL);

  private static final Pattern NUMBER =
      Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]{1,9})?");

  /** With buffers of its own, each thread of a call would keep 128 KiB. */
  private static final RecyclerPool<BufferRecycler> BUFFERS = new Buffers();

  private static final ObjectMapper MAPPER =
      mapper(
          StreamReadConstraints.builder()
              .maxNestingDepth(MAX_NESTING)
              .maxNumberLength(MAX_NUMBER_LENGTH)
              .maxStringLength(MAX_TEXT_LENGTH)
              .maxTokenCount(MAX_TOKENS)
              .build());

  /** Reads one value of several: what stands behind it is none of its business. */
  private static final ObjectReader NODES =
      MAPPER.readerFor(JsonNode.class).without(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /**
   * Reads what was published: texts that kept the limits may stand inside each other there, and a
   * task that cannot be read is a text itself.
   */
  private static final class Published {
    private static final ObjectMapper MAPPER =
        mapper(
            StreamReadConstraints.builder()
                .maxNestingDepth(2 * MAX_NESTING)
                .maxNumberLength(2 * MAX_NUMBER_LENGTH)
                .maxStringLength(Integer.MAX_VALUE)
                .build());
  }

  /** Jackson begins to write into 2 KB and goes on in ever larger pieces, which it copies. */
  private static final class Buffers extends RecyclerPool.BoundedPoolBase<BufferRecycler> {
    private static final long serialVersionUID = 1L;

    private static final int LENGTH_OF_MOST_MESSAGES = 64 << 10;

    Buffers() {
      super(READERS_AT_ONCE);
    }

    @Override
    public BufferRecycler createPooled() {
      return new BufferRecycler() {
        @Override
        protected int byteBufferLength(int use) {
          return use == BYTE_WRITE_CONCAT_BUFFER
              ? LENGTH_OF_MOST_MESSAGES
              : super.byteBufferLength(use);
        }
      };
    }
  }

  private Json() {}

  private static ObjectMapper mapper(StreamReadConstraints limits) {
    return JsonMapper.builder(
            new JsonFactoryBuilder()
                .rootValueSeparator("")
                .streamReadConstraints(limits)
                .errorReportConfiguration(
                    ErrorReportConfiguration.builder()
                        .maxErrorTokenLength(MAX_QUOTED_LENGTH)
                        .build())
                .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                .enable(JsonWriteFeature.COMBINE_UNICODE_SURROGATES_IN_UTF8)
                // Names come from outside: they must not fill the pool of interned strings.
                .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                .recyclerPool(BUFFERS)
                .build())
        .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        .defaultPropertyInclusion(JsonInclude.Value.ALL_NON_NULL)
        .build();
  }

  /**
   * Reads exactly one JSON value.
   *
   * @throws MalformedJsonException if the bytes are not UTF-8 or not JSON, hold more than one
   *     value, or break a limit
   */
  public static JsonNode read(byte[] utf8) throws MalformedJsonException {
    return read(text(utf8), utf8);
  }

  /**
   * Reads exactly one JSON value, perhaps behind a byte order mark. Half of a surrogate pair is
   * read as U+FFFD: it has no form in UTF-8.
   *
   * @throws MalformedJsonException if the text is not JSON, holds more than one value, or breaks a
   *     limit
   */
  public static JsonNode read(String text) throws MalformedJsonException {
    return read(text, null);
  }

  /**
   * @param utf8 the bytes of the text, or null if they are not at hand
   */
  private static JsonNode read(String text, byte[] utf8) throws MalformedJsonException {
    String pure = pure(text);
    JsonNode value = value(pure, pure == text ? utf8 : null);
    if (value == null) {
      throw new MalformedJsonException("The text is empty", false);
    }
    return value;
  }

  /**
   * A parser of a text as {@link #read(String)} reads it, for those who need no tree. Whatever it
   * throws, that method says better.
   */
  public static JsonParser parser(String text) throws IOException {
    String pure = pure(text);
    return isFasterInUtf8(pure)
        ? MAPPER.createParser(pure.getBytes(UTF_8))
        : MAPPER.createParser(pure);
  }

  /**
   * Jackson takes a third less time for bytes than for characters, but guesses their encoding: from
   * zeros among the first four, and from a mark.
   */
  private static boolean isFasterInUtf8(String text) {
    return text.length() >= LEAST_IN_UTF8
        && text.charAt(0) != BYTE_ORDER_MARK
        && text.lastIndexOf('\0', 3) < 0;
  }

  /** The value at which a parser stands, with all that is in it. */
  public static JsonNode node(JsonParser json) throws IOException {
    return switch (json.currentToken()) {
      case VALUE_STRING -> TextNode.valueOf(json.getText());
      case VALUE_TRUE -> BooleanNode.TRUE;
      case VALUE_FALSE -> BooleanNode.FALSE;
      case VALUE_NUMBER_INT ->
          switch (json.getNumberType()) {
            case INT -> IntNode.valueOf(json.getIntValue());
            case LONG -> LongNode.valueOf(json.getLongValue());
            default -> BigIntegerNode.valueOf(json.getBigIntegerValue());
          };
      case VALUE_NUMBER_FLOAT -> DecimalNode.valueOf(json.getDecimalValue());
      default -> NODES.readTree(json);
    };
  }

  /** The text without a byte order mark before it and halves of surrogate pairs in it. */
  private static String pure(String text) {
    return withoutHalfPairs(withoutMark(text));
  }

  private static String withoutMark(String text) {
    int start = 0;
    while (start < text.length() && " \t\r\n\uFEFF".indexOf(text.charAt(start)) >= 0) {
      start++;
    }
    return text.lastIndexOf(BYTE_ORDER_MARK, start) < 0 ? text : text.substring(start);
  }

  /** The one value of a text, or null for an empty text. */
  private static JsonNode value(String text, byte[] utf8) throws MalformedJsonException {
    if (isFasterInUtf8(text)) {
      try (JsonParser json = MAPPER.createParser(utf8 == null ? text.getBytes(UTF_8) : utf8)) {
        return MAPPER.readTree(json);
      } catch (IOException | NumberFormatException | ArithmeticException e) {
        // Read again below, for a fault that counts in characters.
      }
    }
    try (JsonParser json = MAPPER.createParser(text)) {
      try {
        return MAPPER.readTree(json);
      } catch (StreamConstraintsException e) {
        throw new MalformedJsonException(
            json.currentTokenCount() > MAX_TOKENS
                ? "The text has more than %d JSON tokens".formatted(MAX_TOKENS)
                : sentence(e),
            true);
      }
    } catch (MalformedJsonException e) {
      throw e;
    } catch (JsonProcessingException e) {
      throw new MalformedJsonException(sentence(e), false);
    } catch (NumberFormatException | ArithmeticException e) {
      throw new MalformedJsonException("A number has an exponent out of range", false);
    } catch (IOException e) {
      // A text in memory does not fail.
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Reads a message that was published, exactly one JSON value, as a record.
   *
   * @throws MalformedJsonException if the bytes are not JSON, or not such a record
   */
  public static <T> T read(byte[] utf8, Class<T> type) throws MalformedJsonException {
    try {
      T value = Published.MAPPER.readValue(utf8, type);
      if (value == null) {
        throw new MalformedJsonException("The value is null", false);
      }
      return value;
    } catch (MalformedJsonException e) {
      throw e;
    } catch (JsonProcessingException e) {
      throw new MalformedJsonException(sentence(e), false);
    } catch (IOException e) {
      // Zeros or a mark at the beginning make Jackson read UTF-16 or UTF-32.
      throw new MalformedJsonException("The value is not UTF-8", false);
    }
  }

  /**
   * Reads JSON, or JSON as the documentation of the API prints it: with the backslashes inside
   * {@code graph} lost. The text is read strictly first; only if that fails, once more with the
   * printing undone.
   *
   * @throws MalformedJsonException if it is neither; it then names the fault of the text as it came
   */
  public static JsonNode readLenient(byte[] utf8) throws MalformedJsonException {
    return readLenient(text(utf8), utf8);
  }

  /**
   * As {@link #readLenient(byte[])}.
   *
   * @throws MalformedJsonException if the text is neither JSON nor printed JSON
   */
  public static JsonNode readLenient(String text) throws MalformedJsonException {
    return readLenient(text, null);
  }

  private static JsonNode readLenient(String text, byte[] utf8) throws MalformedJsonException {
    try {
      return read(text, utf8);
    } catch (MalformedJsonException asItCame) {
      if (asItCame.isTooLarge()) {
        throw asItCame;
      }
      try {
        return read(UnescapedJson.restore(text));
      } catch (MalformedJsonException restored) {
        throw restored.isTooLarge() ? restored : asItCame;
      }
    }
  }

  /** Writes a tree, or a record without what is null in it, compact, as UTF-8. */
  public static byte[] write(Object value) {
    try {
      return MAPPER.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Values one after the other. */
  @FunctionalInterface
  public interface Values {
    /**
     * @param written what was flushed of them
     */
    void writeTo(JsonGenerator json, ByteArrayBuilder written) throws IOException;
  }

  /** Writes values one after the other, compact, as UTF-8, with nothing between them. */
  public static byte[] write(Values values) {
    BufferRecycler buffers = BUFFERS.acquireAndLinkPooled();
    try (ByteArrayBuilder written = new ByteArrayBuilder(buffers);
        JsonGenerator json = MAPPER.createGenerator(written)) {
      values.writeTo(json, written);
      json.flush();
      return written.getClearAndRelease();
    } catch (IOException e) {
      // An array in memory does not fail.
      throw new UncheckedIOException(e);
    } finally {
      buffers.releaseToPool();
    }
  }

  /**
   * The fast decoder of the JDK puts U+FFFD in place of malformed bytes; only where one stands is
   * the strict, slower decoder asked whether it was sent so.
   */
  private static String text(byte[] utf8) throws MalformedJsonException {
    String text = new String(utf8, UTF_8);
    if (text.indexOf('\uFFFD') >= 0) {
      ByteBuffer bytes = ByteBuffer.wrap(utf8);
      try {
        UTF_8.newDecoder().decode(bytes);
      } catch (CharacterCodingException e) {
        throw new MalformedJsonException(
            "The text is not UTF-8 at byte " + bytes.position(), false);
      }
    }
    return text;
  }

  private static String sentence(JsonProcessingException e) {
    JsonLocation place = e.getLocation();
    String what = START_MARKER.matcher(e.getOriginalMessage()).replaceAll("");
    return place == null
        ? what
        : "%s at line %d, column %d".formatted(what, place.getLineNr(), place.getColumnNr());
  }

  private static String withoutHalfPairs(String text) {
    for (int at = text.indexOf("\\u"); at >= 0; at = text.indexOf("\\u", at + 2)) {
      if (at + 3 < text.length()
          && (text.charAt(at + 2) | 0x20) == 'd'
          && Character.digit(text.charAt(at + 3), 16) >= 8) {
        return ESCAPE
            .matcher(text)
            .replaceAll(
                escape ->
                    Matcher.quoteReplacement(escape.group(1) == null ? escape.group() : "\\uFFFD"));
      }
    }
    return text;
  }

  /** The text without blanks of Unicode and byte order marks around it. */
  public static String trim(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && isBlank(text.charAt(start))) {
      start++;
    }
    while (start < end && isBlank(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  /** Whether a text is null, or only what {@link #trim} takes away. */
  public static boolean isBlank(String text) {
    return text == null || trim(text).isEmpty();
  }

  private static boolean isBlank(char c) {
    // Nearly every character ends here: no blank is between the space and this one.
    return (c <= ' ' || c >= NEXT_LINE)
        && (c >= '\t' && c <= '\r'
            || Character.isSpaceChar(c)
            || c == NEXT_LINE
            || c == BYTE_ORDER_MARK);
  }

  /** The number of a value, which may be spelled as a text; null if it is not one. */
  public static BigDecimal number(JsonNode value) {
    if (value.isNumber()) {
      return value.decimalValue();
    }
    if (!value.isTextual()) {
      return null;
    }
    String text = trim(value.textValue());
    return text.length() <= MAX_NUMBER_LENGTH && NUMBER.matcher(text).matches()
        ? new BigDecimal(text)
        : null;
  }

  /** The whole number of a value, spelled {@code 7}, {@code 7.0} or {@code "7"}; null if none. */
  public static BigInteger whole(JsonNode value) {
    if (value.isIntegralNumber()) {
      return value.bigIntegerValue();
    }
    BigDecimal number = number(value);
    if (number == null || number.signum() == 0) {
      return number == null ? null : BigInteger.ZERO;
    }
    if (number.scale() < -MAX_NUMBER_LENGTH) {
      // Longer than any that counts; without its zeros, its exponent may be more than an int holds.
      return null;
    }
    BigDecimal shortest = number.stripTrailingZeros();
    return shortest.scale() <= 0 && isOfBoundedLength(shortest) ? shortest.toBigInteger() : null;
  }

  /**
   * Whether a number has few digits when written out: ten characters such as {@code 1E99999999} may
   * have a hundred million.
   */
  public static boolean isOfBoundedLength(BigDecimal number) {
    return Math.max(number.scale(), (long) number.precision() - number.scale())
        <= MAX_NUMBER_LENGTH;
  }
}
