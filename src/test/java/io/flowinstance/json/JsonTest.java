package io.flowinstance.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigInteger;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @ParameterizedTest
  @ValueSource(
      strings = {"", " ", "{", "{} {}", "{}x", "[1,]", "nul", "{'a':1}", "01", "NaN", "\"a"})
  void refusesWhatIsNotExactlyOneValue(String text) {
    assertThrows(MalformedJsonException.class, () -> Json.read(text));
    assertThrows(MalformedJsonException.class, () -> Json.read(text.getBytes(UTF_8)));
  }

  @Test
  void readsEveryKindOfValue() throws Exception {
    String json = "{\"a\":[1,2.50,true,null,\"ü😀\\u0000\",{}]}";
    assertEquals(json, new String(Json.write(Json.read(json.getBytes(UTF_8))), UTF_8));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"0.0016999999046325683", "2438.0", "1.10", "123456789012345678901234567890"})
  void keepsEveryDigit(String number) throws Exception {
    assertEquals(number, new String(Json.write(Json.read(number)), UTF_8));
  }

  /** A long text is read as bytes, a short one as characters. */
  @Test
  void readsALongTextAsItReadsAShortOne() {
    String blanks = " ".repeat(1_000);
    String whole =
        "{\"a\":[1,-2.50e3,true,null,\"ü\\u0000\\ud83d\\ude00\\ud800\",{}],\"\\u0061\":\"\\\"\"}";
    Random random = new Random(1);
    for (int round = 0; round < 2_000; round++) {
      StringBuilder mutated = new StringBuilder(whole);
      for (int i = random.nextInt(4); i > 0; i--) {
        char put = whole.charAt(random.nextInt(whole.length()));
        mutated.setCharAt(random.nextInt(mutated.length()), random.nextInt(9) == 0 ? '\0' : put);
      }
      String text = mutated.toString();
      assertEquals(readOrNull(text), readOrNull(text + blanks), text);
      assertEquals(readOrNull(text), readOrNull(blanks + text), text);
    }
  }

  private static JsonNode readOrNull(String text) {
    try {
      return Json.read(text);
    } catch (MalformedJsonException e) {
      return null;
    }
  }

  @Test
  void countsCharactersWhereALongTextIsAtFault() {
    String text = "[\"" + "ü".repeat(300) + "\",x]";
    String fault =
        assertThrows(MalformedJsonException.class, () -> Json.read(text.getBytes(UTF_8)))
            .getOriginalMessage();
    assertTrue(fault.endsWith("at line 1, column 305"), fault);
  }

  @Test
  void keepsTheLastOfAKeyThatStandsTwice() throws Exception {
    assertEquals(2, Json.read("{\"a\":1,\"a\":2}").get("a").intValue());
  }

  @Test
  void readsOverAByteOrderMark() throws Exception {
    assertEquals(1, Json.read("\uFEFF1".getBytes(UTF_8)).intValue());
    assertEquals(1, Json.read(" \n\uFEFF\uFEFF 1").intValue());
    assertThrows(MalformedJsonException.class, () -> Json.read("\uFEFF"));
    assertEquals("{}", Json.readLenient("\uFEFF{\"graph\":\"{}\"}").get("graph").textValue());
  }

  @Test
  void keepsAReplacementCharacterThatWasSent() throws Exception {
    assertEquals("\uFFFD", Json.read("\"\uFFFD\"".getBytes(UTF_8)).textValue());
  }

  @ParameterizedTest
  @ValueSource(ints = {0x80, 0xC3, 0xC0AF, 0xEDA080, 0xF5808080, 0xFF})
  void refusesBrokenUtf8AndNamesTheByte(int broken) {
    int length = (Integer.SIZE - Integer.numberOfLeadingZeros(broken) + 7) / 8;
    byte[] text = new byte[length + 2];
    text[0] = '"';
    text[length + 1] = '"';
    for (int i = 0; i < length; i++) {
      text[i + 1] = (byte) (broken >> 8 * (length - 1 - i));
    }
    var refused = assertThrows(MalformedJsonException.class, () -> Json.read(text));
    assertEquals("The text is not UTF-8 at byte 1", refused.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"\\ud83d\"|\"\uFFFD\"",
        "[1,\"\\uDE00\"]|[1,\"\uFFFD\"]",
        "{\"a\":0,\"\\ud83d\":1,\"b\":2}|{\"a\":0,\"\uFFFD\":1,\"b\":2}",
        "[{\"a\":\"\\ud83dx\\ud83d\\ude00\"}]|[{\"a\":\"\uFFFDx😀\"}]",
        "\"\\ude00\\ud83d\"|\"\uFFFD\uFFFD\"",
      })
  void readsHalfASurrogatePairAsAReplacementCharacter(String text, String read) throws Exception {
    assertEquals(read, new String(Json.write(Json.read(text)), UTF_8));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "7|7",
        "7.0|7",
        "\"7\"|7",
        "\"\uFEFF 7.00\u00A0\"|7",
        "-62E2|-6200",
        "0.0|0",
        "7.5|",
        "\"\"|",
        "\"x\"|",
        "1E101|",
        "true|",
        "[]|",
        "100E2147483647|",
        "-10.0e2147483640|",
        "\"1000e999999999\"|",
      })
  void readsWholeNumbersHoweverSpelled(String text, BigInteger whole) throws Exception {
    assertEquals(whole, Json.whole(Json.read(text)));
  }

  @Test
  void trimsBlanksOfUnicodeAndByteOrderMarks() {
    String blanks = "\uFEFF\u00A0\u0085\u2003\u3000\u2028\t\r\n ";
    assertEquals("a\u00A0b", Json.trim(blanks + "a\u00A0b" + blanks));
    assertEquals("", Json.trim(blanks));
    assertEquals("\u001ca\u001f", Json.trim(" \u001ca\u001f "));
  }

  @Test
  void readsAnEscapedSurrogatePairAndAnEscapedBackslash() throws Exception {
    assertEquals("😀", Json.read("\"\\ud83d\\ude00\"").textValue());
    assertEquals("\\ud83d", Json.read("\"\\\\ud83d\"").textValue());
  }

  @Test
  void readsAHundredLevelsAndRefusesMore() throws Exception {
    Json.read("[".repeat(100) + "]".repeat(100));
    String deeper = "[".repeat(101) + "]".repeat(101);
    assertThrows(MalformedJsonException.class, () -> Json.read(deeper));
    String bottomless = "{\"graph\":\"".repeat(1_000_000);
    assertThrows(MalformedJsonException.class, () -> Json.readLenient(bottomless));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1e99999999999", "1e-99999999999", "-1E+2147483648"})
  void refusesExponentsThatNoDecimalHas(String number) {
    assertThrows(MalformedJsonException.class, () -> Json.read(number));
  }

  @Test
  void refusesNumbersAndTextsOverTheLimits() throws Exception {
    Json.read("1".repeat(100));
    String digits = "1".repeat(101);
    assertThrows(MalformedJsonException.class, () -> Json.read(digits));
    Json.read("\"" + "x".repeat(Json.MAX_TEXT_LENGTH - 2) + "\"");
    String text = "\"" + "x".repeat(Json.MAX_TEXT_LENGTH + 1) + "\"";
    assertThrows(MalformedJsonException.class, () -> Json.read(text));
  }

  @Test
  void saysWhatIsWrongInOneShortLine() {
    String secret = "secret".repeat(1000);
    var refused = assertThrows(MalformedJsonException.class, () -> Json.read("\n " + secret));
    String message = refused.getMessage();
    assertTrue(message.length() < 200 && message.lines().count() == 1, message);
    assertTrue(message.endsWith("at line 2, column 2"), message);
  }

  @Test
  void aTextHoldsAMillionTokens() throws MalformedJsonException {
    int elements = Json.MAX_TOKENS - 2;
    assertEquals(elements, Json.read("[0" + ",0".repeat(elements - 1) + "]").size());

    String text = "[0" + ",0".repeat(elements) + "]";
    assertTrue(
        assertThrows(MalformedJsonException.class, () -> Json.readLenient(text)).isTooLarge());
  }
}
