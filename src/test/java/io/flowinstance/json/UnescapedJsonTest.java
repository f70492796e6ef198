package io.flowinstance.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnescapedJsonTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\'',
      value = {
        "{\"graph\":\"{\"a\":1}\"}|{\"graph\":{\"a\":1}}",
        "{\"graph\" : \" { \"a\":1 } \" , \"b\":2}|{\"graph\" :  { \"a\":1 }  , \"b\":2}",
        "{\"parameters\":\"[{\"key\":\"path\",\"value\":\"/x\"}]\"}|{\"parameters\":[{\"key\":\"path\",\"value\":\"/x\"}]}",
        "{\"graph\":\"{\"parameters\":\"[\"a\"]\",\"b\":\"}]\"}\"}|{\"graph\":{\"parameters\":[\"a\"],\"b\":\"}]\"}}",
        "{\"graph\":\"{\"a\":\"\\\"}\"}\"}|{\"graph\":{\"a\":\"\\\"}\"}}",
      })
  void dropsTheQuotesAroundAPrintedValue(String printed, String json) {
    assertEquals(json, UnescapedJson.restore(printed));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"graph\":\"{\\\"a\\\":1}\",\"parameters\":\"[]\"}",
        "{\"parameters\":\"{}\" }",
        "{\"graph\":\"text\",\"other\":\"{\"a\":1}\"}",
        "\"graph\"",
        "{\"graph\"",
        "{\"graph\":\"",
        "{\"graph\":\"{",
        "}}]]",
        "\"\\",
      })
  void leavesEverythingElseAsItIs(String text) {
    assertEquals(text, UnescapedJson.restore(text));
  }

  @Test
  void isAskedOnlyAfterAStrictReadingFailed() throws Exception {
    String json = "{\"graph\":\"{\\\"a\\\":1}\"}";
    assertEquals("{\"a\":1}", Json.readLenient(json).get("graph").textValue());
  }

  @Test
  void namesTheFaultOfTheTextAsItCame() {
    String text = "{\"graph\":\"{\"a\":1}\",}";
    String strict = assertThrows(MalformedJsonException.class, () -> Json.read(text)).getMessage();
    var lenient = assertThrows(MalformedJsonException.class, () -> Json.readLenient(text));
    assertEquals(strict, lenient.getMessage());
  }

  @Test
  void takesRubbishWithoutFailing() {
    String[] parts = {
      "\"graph\":", "\"parameters\"", "\"", "{", "}", "[", "]", "\\", ",", ":", " ", "a"
    };
    Random random = new Random(1);
    for (int round = 0; round < 20_000; round++) {
      StringBuilder rubbish = new StringBuilder();
      for (int i = random.nextInt(30); i > 0; i--) {
        rubbish.append(parts[random.nextInt(parts.length)]);
      }
      UnescapedJson.restore(rubbish.toString());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"\"graph\":\"{ ", "\"graph\":\"{}", "\"graph\" ", "{\"graph\":\"[\"]}", "\"\\"})
  void takesLinearTime(String part) {
    String repeated = part.repeat(1_000_000);
    assertTimeout(Duration.ofSeconds(2), () -> UnescapedJson.restore(repeated));
  }
}
