package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokensTest {
  private final Tokens tokens = new Tokens();
  private long clock = 1_572_574_909_697L;

  @BeforeEach
  void setApplication() {
    tokens.application("key", "secret");
    tokens.life(Duration.ofSeconds(7200));
  }

  @Test
  void givesTheSameTokenUntilItExpires() throws IOException {
    JsonNode first = get();
    assertEquals(7200, first.at("/data/expire").asInt());
    assertEquals(token(first), token(get()));
    tokens.expireAll();
    assertEquals(Tokens.Standing.EXPIRED, tokens.standing(token(first)));
    assertNotEquals(token(first), token(get()));
  }

  @Test
  void takesTheTimestampAsTextToo() throws IOException {
    String encryption = ApimSignature.ofTokenRequest("key", "17", "secret");
    JsonNode answer =
        read(
            tokens.get(
                ("{\"appKey\":\"key\",\"encryption\":\"" + encryption + "\",\"timestamp\":\"17\"}")
                    .getBytes(UTF_8)));
    assertEquals(0, answer.get("status").asInt());
  }

  @Test
  void refreshGivesANewTokenAndLeavesTheOldOneUnlessToldOtherwise() throws IOException {
    String first = token(get());
    String second = token(refresh(first));
    assertNotEquals(first, second);
    assertEquals(Tokens.Standing.VALID, tokens.standing(first));
    tokens.refreshEndsOldToken(true);
    assertNotEquals(second, token(refresh(second)));
    assertEquals(Tokens.Standing.EXPIRED, tokens.standing(second));
  }

  @Test
  void aRevokedTokenIsGivenAgainAndIsRefreshed() throws IOException {
    String first = token(get());
    tokens.revokeAll();
    assertEquals(Tokens.Standing.REVOKED, tokens.standing(first));
    assertEquals(first, token(get()));
    String second = token(refresh(first));
    assertEquals(Tokens.Standing.VALID, tokens.standing(second));
    assertEquals(second, token(get()));
  }

  @Test
  void refusesToRefreshATokenThatDoesNotLive() throws IOException {
    assertEquals(1204, refresh("unheard-of").get("status").asInt());
  }

  @Test
  void refusesTheSameEncryptionTwice() throws IOException {
    byte[] request = request(clock, "");
    assertEquals(0, read(tokens.get(request)).get("status").asInt());
    assertEquals(1001, read(tokens.get(request)).get("status").asInt());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1002 | {\"appKey\":\"other\",\"encryption\":\"e\",\"timestamp\":1}",
        "1003 | {\"appKey\":\"key\",\"encryption\":\"e\",\"timestamp\":1}",
        "1004 | {\"appKey\":\"key\",\"encryption\":\"e\",\"timestamp\":\"now\"}",
        "1004 | {\"appKey\":",
        "1202 | {\"appKey\":\"key\",\"encryption\":\"e\"}",
        "1202 | {}",
      })
  void refusesWithTheDocumentedCode(int code, String body) throws IOException {
    assertEquals(code, read(tokens.get(body.getBytes(UTF_8))).get("status").asInt());
  }

  private JsonNode get() throws IOException {
    return read(tokens.get(request(clock++, "")));
  }

  private JsonNode refresh(String token) throws IOException {
    return read(tokens.refresh(request(clock++, ",\"accessToken\":\"" + token + "\"")));
  }

  private static byte[] request(long timestamp, String more) {
    String encryption = ApimSignature.ofTokenRequest("key", String.valueOf(timestamp), "secret");
    return ("{\"appKey\":\"key\",\"encryption\":\""
            + encryption
            + "\",\"timestamp\":"
            + timestamp
            + more
            + "}")
        .getBytes(UTF_8);
  }

  private static String token(JsonNode answer) {
    return answer.at("/data/accessToken").asText();
  }

  private static JsonNode read(byte[] answer) throws IOException {
    return new ObjectMapper().readTree(answer);
  }
}
