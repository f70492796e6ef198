package io.flowinstance.enos;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The published vectors of the signing scheme. */
class SignatureTest {
  private static final String TOKEN = "xxxxaaaxxxx";
  private static final String SECRET = "xxxappSecretxxx";
  private static final long TIMESTAMP = 1572574909697L;

  @Test
  void signsAPostAsPublished() {
    String body = "{\n  \"count\": 20,\n  \"page\": 1,\n  \"desc\": \"描述\"\n}";

    assertEquals(
        "59828328f6c1f9771015dc74e4929ae30f518a35a3d2353972c2ea46556fc981",
        Signature.ofCall(
            TOKEN,
            new TreeMap<>(Map.of("k3", "v3", "k1", "v1", "k2", "v2")),
            body,
            TIMESTAMP,
            SECRET));
  }

  @Test
  void signsTheCallOfThisProject() {
    assertEquals(
        "bb55cf777e312a67790bc469dc9d0917161ca75ac97bee7b8882ce891ee04125",
        Signature.ofCall(
            TOKEN,
            new InstanceQuery("2809-20190808093200", "yourUserId", "yourOrgId").parameters(),
            "",
            TIMESTAMP,
            SECRET));
  }

  @Test
  void encryptsATokenRequestAsPublished() {
    assertEquals(
        "83e2f674e53f1a71943b6c5fc9bd0eb27864c83075af8b4bf528f3faa8c7ca38",
        Signature.ofTokenRequest("5acb82e7-a11e-4300-9164-c8b20b638e8b", TIMESTAMP, SECRET));
  }
}
