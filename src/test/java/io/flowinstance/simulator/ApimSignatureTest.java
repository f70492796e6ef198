package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The first vector is published by the vendor; the others follow from the published rule. */
class ApimSignatureTest {
  private static final String TOKEN = "xxxxaaaxxxx";
  private static final String SECRET = "xxxappSecretxxx";
  private static final String TIMESTAMP = "1572574909697";

  @Test
  void signsPost() {
    byte[] body = "{\n  \"count\": 20,\n  \"page\": 1,\n  \"desc\": \"描述\"\n}".getBytes(UTF_8);
    assertEquals(
        "59828328f6c1f9771015dc74e4929ae30f518a35a3d2353972c2ea46556fc981",
        sign("k3=v3&k1=v1&k2=v2", body));
  }

  @Test
  void signsGet() {
    assertEquals(
        "bb55cf777e312a67790bc469dc9d0917161ca75ac97bee7b8882ce891ee04125",
        sign(
            "action=get&flowInstId=2809-20190808093200&userId=yourUserId&orgId=yourOrgId",
            new byte[0]));
  }

  @Test
  void signsPercentDecodedValues() {
    assertEquals(sign("b=2&a=%C3%A9%26", new byte[0]), sign("a=é%26&b=2", new byte[0]));
  }

  @Test
  void signsTokenRequest() {
    assertEquals(
        "83e2f674e53f1a71943b6c5fc9bd0eb27864c83075af8b4bf528f3faa8c7ca38",
        ApimSignature.ofTokenRequest("5acb82e7-a11e-4300-9164-c8b20b638e8b", TIMESTAMP, SECRET));
  }

  private static String sign(String query, byte[] body) {
    return ApimSignature.ofCall(TOKEN, ApiRequest.parametersOf(query), body, TIMESTAMP, SECRET);
  }
}
