package io.flowinstance.id;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.flowinstance.enos.InstanceQuery;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdRecordReaderTest {
  private static final IdRecordReader READER = new IdRecordReader(null, null);

  private static final InstanceQuery BARE = new InstanceQuery("2809-20190808093200", null, null);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "2809-20190808093200",
        "  2809-20190808093200\r\n",
        "\"2809-20190808093200\"",
        " \" 2809-20190808093200 \"",
        "{\"flowInstId\": \"2809-20190808093200\"}",
        "{\"flowInstId\": \"2809-20190808093200\", \"userId\": null, \"orgId\": \"\", \"x\": 1}",
        "\uFEFF\u00A02809-20190808093200\u3000\u0085\n",
        "\uFEFF\"\u2003\uFEFF2809-20190808093200\u00A0\"\u00A0",
        "\u00A0{\"flowInstId\": \"\uFEFF2809-20190808093200\u00A0\", \"userId\": \"\u00A0\"}\uFEFF",
        "\"{\\\"flowInstId\\\": \\\"2809-20190808093200\\\"}\"",
        "{\"specversion\": \"1.0\", \"data\": \"{\\\"flowInstId\\\":"
            + " \\\"2809-20190808093200\\\"}\"}",
        "{\"specversion\": \"1.0\", \"data\": \"\\\"2809-20190808093200\\\"\"}",
        "{\"specversion\": \"1.0\", \"data_base64\": \"77u/IjI4MDktMjAxOTA4MDgwOTMyMDAiCg==\"}",
        "{\"specversion\": \"1.0\", \"data\": \"2809-20190808093200\"}",
        "{\"specversion\": \"1.0\", \"data\": {\"flowInstId\": \"2809-20190808093200\"}}",
        "{\"specversion\": \"1.0\", \"data_base64\": \"MjgwOS0yMDE5MDgwODA5MzIwMA==\"}",
      })
  void readsTheIdInEveryForm(String value) {
    assertEquals(BARE, READER.read(value.getBytes(UTF_8)));
  }

  @Test
  void readsAnObjectInBase64() {
    String object = "{\"flowInstId\":\"2809-20190808093200\",\"orgId\":\"o1\"}";
    String event =
        "{\"specversion\":\"1.0\",\"data_base64\":\"%s\"}"
            .formatted(Base64.getEncoder().encodeToString(object.getBytes(UTF_8)));

    assertEquals(
        new InstanceQuery("2809-20190808093200", null, "o1"), READER.read(event.getBytes(UTF_8)));
  }

  @Test
  void takesUserAndOrganizationOfTheRecordOverTheConfiguredOnes() {
    InstanceQuery query =
        new IdRecordReader("u0", "o0")
            .read("{\"flowInstId\":\"1-2\",\"userId\":\"u1\"}".getBytes(UTF_8));

    assertEquals(new InstanceQuery("1-2", "u1", "o0"), query);
  }

  @Test
  void readsWhatDoesNotBeginLikeJsonAsItStands() {
    assertEquals("true", READER.read("true".getBytes(UTF_8)).instanceId());
    assertEquals("12", READER.read("12".getBytes(UTF_8)).instanceId());
    assertEquals("12", READER.read("{\"flowInstId\": 12.0}".getBytes(UTF_8)).instanceId());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "  \n",
        "\"\"",
        "{broken",
        "\"open",
        "[]",
        "[\"2809-20190808093200\"]",
        "{}",
        "{\"id\": \"1-2\"}",
        "{\"flowInstId\": null}",
        "{\"flowInstId\": \" \"}",
        "{\"flowInstId\": [\"1-2\"]}",
        "{\"flowInstId\": \"1-2\"} trailing",
        "{\"specversion\": \"1.0\", \"data\": {}}",
        "{\"specversion\": \"1.0\", \"data\": 7}",
        "{\"specversion\": \"1.0\", \"data\": \"{broken\"}",
        "{\"specversion\": \"1.0\", \"data\": \"\\uFEFF \"}",
        "{\"flowInstId\": 7.5}",
        "{\"flowInstId\": 100E2147483647}",
        "\uFEFF",
        "\"1-2\uFFFD\"",
        "{\"specversion\": \"1.0\", \"data_base64\": \"%%%\"}",
        "1-2\u00003",
        "\"1-2\\u0000\"",
        "\"\\ud800\"",
        "1-2\n3",
      })
  void refusesAValueWithoutAUsableId(String value) {
    assertThrows(MalformedIdException.class, () -> READER.read(value.getBytes(UTF_8)));
  }

  /** An id in texts that double neither their backslashes nor their length. */
  private static byte[] packed(int times) {
    String value = BARE.instanceId();
    for (int i = 0; i < times; i++) {
      value = '"' + value.replace("\\", "\\u005c").replace("\"", "\\u0022") + '"';
    }
    return value.getBytes(UTF_8);
  }

  @Test
  void readsAFewTextsInsideEachOtherAndNoMore() {
    assertEquals(BARE, READER.read(packed(4)));

    for (int times : new int[] {5, 400}) {
      var refused = assertThrows(MalformedIdException.class, () -> READER.read(packed(times)));
      assertEquals("The value is JSON in more than 3 texts.", refused.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "2809-20190808093200",
        "{7",
        "[7]",
        "\"7\"",
        "a b",
        "{\"flowInstId\":\"1-2\",\"orgId\":\"foreign\"}",
      })
  void readsTheIdThatAValueWasMadeOf(String id) {
    InstanceQuery query = new InstanceQuery(id, null, null);

    assertEquals(query, READER.read(IdRecordReader.value(id).getBytes(UTF_8)));
    assertEquals(query, READER.read(IdRecordReader.value("\uFEFF " + id).getBytes(UTF_8)));
  }

  @Test
  void refusesNoValueBinaryAndOverlongOnes() {
    assertThrows(MalformedIdException.class, () -> READER.read(null));
    assertThrows(MalformedIdException.class, () -> READER.read(new byte[] {(byte) 0xC3, 0x28}));
    assertThrows(MalformedIdException.class, () -> READER.read(new byte[1 << 20]));
    assertThrows(MalformedIdException.class, () -> READER.read("x".repeat(257).getBytes(UTF_8)));
    assertEquals(256, READER.read("x".repeat(256).getBytes(UTF_8)).instanceId().length());
  }

  @Test
  void noIdCanAddAParameter() {
    InstanceQuery query = new InstanceQuery("x&orgId=evil #?/+%*~é", "u", "o");

    assertEquals(
        "action=get&flowInstId=x%26orgId%3Devil%20%23%3F%2F%2B%25%2A~%C3%A9&orgId=o&userId=u",
        InstanceQuery.queryString(query.parameters()));
  }
}
