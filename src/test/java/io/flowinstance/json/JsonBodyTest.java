package io.flowinstance.json;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonBodyTest {
  private final ObjectReader reader = JsonBody.mapper().readerFor(JsonBody.class);

  @ParameterizedTest
  @ValueSource(strings = {"{\"a\":[1.10]}", "\"text\"", "null", "{\"graph\": \"{\"a\":1}\"}"})
  void theMapperReadsWhatTheLenientReaderReads(String text) throws IOException {
    byte[] bytes = text.getBytes(UTF_8);
    JsonBody body = reader.readValue(bytes);

    assertEquals(Json.readLenient(bytes), body.json());
    assertArrayEquals(bytes, body.bytes());
    assertNull(body.fault());
    assertEquals(body.json(), reader.<JsonBody>readValue(new ByteArrayInputStream(bytes)).json());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "<html>", "{\"a\":1} more", "[1,", "1e99999999999"})
  void theMapperFailsAtNoBytes(String text) throws IOException {
    byte[] bytes = text.getBytes(UTF_8);
    JsonBody body = reader.readValue(bytes);

    assertNull(body.json());
    assertArrayEquals(bytes, body.bytes());
    assertEquals(JsonBody.of(bytes).fault(), body.fault());
    assertFalse(body.fault().isEmpty());
    assertFalse(body.tooLarge());
  }

  @Test
  void noBodyIsAnEmptyText() {
    assertEquals("The text is empty", JsonBody.of(null).fault());
    assertNull(JsonBody.of(null).bytes());
  }

  @Test
  void aBodyOfTooManyTokensIsTooLarge() {
    JsonBody body = JsonBody.of(("[0" + ",0".repeat(Json.MAX_TOKENS) + "]").getBytes(UTF_8));

    assertTrue(body.tooLarge());
    assertNull(body.json());
    assertEquals("The text has more than 1000000 JSON tokens", body.fault());
  }

  @Test
  void aBodyBeyondAnyOtherLimitIsTooLargeToo() {
    JsonBody body =
        JsonBody.of(
            ("[".repeat(Json.MAX_NESTING + 1) + "]".repeat(Json.MAX_NESTING + 1)).getBytes(UTF_8));

    assertTrue(body.tooLarge());
    assertTrue(body.fault().contains("nesting"), body.fault());
  }
}
