package io.flowinstance.enos;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.json.JsonBody;
import java.time.Duration;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RedactionTest {
  private static final String SECRET = "aB3/x+Y=&z\"9\\q";
  private static final String TOKEN = "0f8a2c44-77b1-4e0e-9a55-d2c1f0aa9e31";

  private final Redaction redaction = Redaction.of(SECRET, TOKEN, null, "");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "aB3/x+Y=&z\"9\\q",
        "AB3/X+Y=&Z\"9\\Q",
        "aB3\\/x+Y=&z\\\"9\\\\q",
        "aB3\\\\/x\\\\u002bY=\\\\u0026z\\\\\\\"9\\\\\\\\q",
        "\\u0061\\u0042\\u0033\\u002F\\u0078\\u002b\\u0059\\u003d\\u0026\\u007a\\u0022\\u0039\\u005c\\u0071",
        "aB3%2Fx%2BY%3D%26z%229%5Cq",
        "aB3%2fx%2by%3d%26z%229%5cq",
        "aB3%252Fx%252BY%253D%2526z%25229%255Cq",
        "aB3/x+Y=&amp;z&quot;9\\q",
        "aB3&#47;x&#43;Y&#61;&amp;z&#34;9&#92;q",
        "aB3&#x2F;x&#x2B;Y&#X3d;&#x26;z&#x22;9&#x5C;q",
        "aB3/x&amp;#43;Y=&amp;amp;z&amp;quot;9\\q"
      })
  void hidesASecretHoweverItIsSpelled(String spelled) {
    assertEquals("token [hidden] refused", redaction.text("token " + spelled + " refused"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"geheimé1", "GEHEIMÉ1", "geheim\\u00e91", "geheim%C3%A91", "geheim&#233;1"})
  void hidesASecretOfAnyCharacters(String spelled) {
    Redaction ofAny = Redaction.of("geheimé1");

    assertEquals("token [hidden] refused", ofAny.text("token " + spelled + " refused"));
    assertEquals(
        "{\"é\":\"[hidden]\"}",
        new String(ofAny.excerpt("{\"é\":\"geheimé1\"}".getBytes(UTF_8), 4096), UTF_8));
  }

  @Test
  void hidesAllSecretsEachTimeTheyStandThere() {
    assertEquals("[hidden][hidden] a [hidden]", redaction.text(SECRET + TOKEN + " a " + TOKEN));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "nothing", "%", "&", "\\", "a\\u00", "%4", "&#x;", "&amp", "aB3/x"})
  void leavesOtherTextsAsTheyAre(String text) {
    String whole = text + " is what was said";
    assertSame(whole, redaction.text(whole));
  }

  @ParameterizedTest
  @CsvSource({
    "0f8a2c44-77b1-4e0e-9a55..., [hidden]...",
    "0f8a2c44-77b1-4..., 0f8a2c44-77b1-4...",
    "it is 0f8a, it is [hidden]",
    "it is 0f8, it is 0f8"
  })
  void hidesTheStartOfASecretThatWasCutShort(String text, String clean) {
    assertEquals(clean, redaction.text(text));
  }

  @Test
  void anExcerptHidesASecretWhereverItIsCut() {
    String percent = TOKEN.chars().mapToObj("%%25%02X"::formatted).collect(Collectors.joining());
    for (String spelled : new String[] {TOKEN, percent}) {
      for (int before = 0; before <= 100; before++) {
        byte[] body = ("x".repeat(before) + spelled + " and on").getBytes(UTF_8);

        String excerpt = new String(redaction.excerpt(body, 100), UTF_8);

        assertTrue(excerpt.length() <= 100, excerpt);
        assertFalse(excerpt.contains("0f8a"), excerpt);
        assertFalse(excerpt.contains("%2530"), excerpt);
      }
    }
  }

  @Test
  void anExcerptLeavesBytesAsTheyAre() {
    byte[] body = new byte[300];
    for (int i = 0; i < body.length; i++) {
      body[i] = (byte) i;
    }
    String start = new String(body, 0, 200, ISO_8859_1);

    assertArrayEquals(start.getBytes(ISO_8859_1), redaction.excerpt(body, 200));
    assertArrayEquals(body, redaction.excerpt(body, 300));
    assertArrayEquals(body, Redaction.NONE.excerpt(body, 300));
    assertNull(redaction.excerpt((byte[]) null, 300));
  }

  @ParameterizedTest
  @ValueSource(strings = {"\\", "&", "%25", "&amp;", "0f8a2c44", "%"})
  void takesTimeInProportionToTheText(String part) {
    String text = part.repeat((1 << 20) / part.length());

    assertTimeout(Duration.ofSeconds(5), () -> redaction.text(text));
  }

  @Test
  void anAnswerIsQuotedWithoutSecrets() {
    String body = "{\"code\":1002,\"msg\":\"%s%s is unknown\",\"data\":\"%s\"}";
    Answer answer =
        new Answer(
            200,
            JsonBody.of(body.formatted("x".repeat(190), TOKEN, TOKEN).getBytes(UTF_8)),
            null,
            redaction);

    ApiFailure failure = assertThrows(ApiFailure.class, answer::data);

    assertFalse(failure.getMessage().contains("0f8a"), failure.getMessage());
    assertFalse(new String(failure.response(), UTF_8).contains("0f8a"));
    assertFalse(answer.unreadable("broken: " + TOKEN).getMessage().contains("0f8a"));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5, 220, 250, 2000, 2040, 100_000})
  void anAnswerThatIsNoJsonIsQuotedWithoutSecrets(int before) {
    byte[] body = ("x".repeat(before) + TOKEN).getBytes(UTF_8);
    Answer answer = new Answer(401, JsonBody.of(body), null, redaction);
    Answer success = new Answer(200, JsonBody.of(body), null, redaction);

    for (Answer each : new Answer[] {answer, success}) {
      ApiFailure failure = assertThrows(ApiFailure.class, each::data);
      assertFalse(failure.getMessage().contains("0f8a2c44-77b1"), failure.getMessage());
      assertFalse(new String(failure.response(), UTF_8).contains("0f8a2c44-77b1"));
    }
  }

  @Test
  void aParserThatQuotesTheStartOfASecretIsQuotedWithoutIt() {
    String word = "tokenOf32LettersAndDigits0123456";
    byte[] body = word.getBytes(UTF_8);
    String quoting =
        assertThrows(ApiFailure.class, () -> new Answer(200, body, null).data()).getMessage();
    assertTrue(quoting.contains("tokenOf32Letters"), quoting);

    Answer answer = new Answer(200, JsonBody.of(body), null, Redaction.of(word));
    ApiFailure failure = assertThrows(ApiFailure.class, answer::data);

    assertEquals(quoting.replace("tokenOf32Letters", "[hidden]"), failure.getMessage());
  }
}
