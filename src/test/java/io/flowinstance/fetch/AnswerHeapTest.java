package io.flowinstance.fetch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.enos.AnswerTooLargeException;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.json.Json;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AnswerHeapTest {
  private final EnosRequests requests = new EnosRequests(null, Clock.systemUTC());
  private final FetchState fetch = new FetchState(new InstanceQuery("1-2", "u", "o"));
  private long room = Long.MAX_VALUE;
  private long asked;

  private final FetchScope scope =
      new WantedFetch() {
        @Override
        public boolean tryGrowTo(long bytes) {
          asked = Math.max(asked, bytes);
          return bytes <= room;
        }

        @Override
        public void release() {
          asked = 0;
        }
      };

  @BeforeEach
  void begin() {
    AnswerHeap.begin(scope);
  }

  @AfterEach
  void end() {
    AnswerHeap.end();
  }

  private static byte[] zeros(int values) {
    return ("0" + ",0".repeat(values)).getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(bytes);
    }
    return packed.toByteArray();
  }

  @Test
  void takesHeapForTheValuesOfAnAnswerBeforeItIsParsed() throws IOException {
    byte[] body = zeros(900_000);

    assertArrayEquals(body, requests.received(new ByteArrayInputStream(body), fetch));

    assertTrue(asked > 64L * 900_000, asked + " bytes");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[", "{\"a\":"})
  void takesHeapForObjectsAndArraysInsideEachOtherToo(String nested) throws IOException {
    byte[] body = nested.repeat(100_000).getBytes(StandardCharsets.US_ASCII);

    requests.received(new ByteArrayInputStream(body), fetch);

    assertTrue(asked > 64L * 100_000 + body.length, asked + " bytes");
  }

  @Test
  void takesNoMoreThanTheMostValuesThatAreParsed() throws IOException {
    requests.received(new ByteArrayInputStream(zeros(4_000_000)), fetch);

    assertTrue(asked < 64L * Json.MAX_TOKENS + 3 * 8_000_010L, asked + " bytes");
  }

  @Test
  void readsNoFurtherThanThereIsHeapFor() throws IOException {
    room = 3 << 20;
    byte[] large = zeros(4 << 20);

    assertThrows(
        NoHeapException.class,
        () -> AnswerBody.whole(new ByteArrayInputStream(large), 0, 16 << 20));
    byte[] packed = gzip(large);
    assertTrue(packed.length < 64 << 10);
    assertThrows(
        NoHeapException.class,
        () -> AnswerBody.whole(new ByteArrayInputStream(packed), 0, 16 << 20));
  }

  @Test
  void readsAllThatThereIsHeapFor() throws IOException {
    byte[] large = zeros(1 << 20);

    assertArrayEquals(large, AnswerBody.whole(new ByteArrayInputStream(large), 0, 16 << 20));
    assertArrayEquals(large, AnswerBody.whole(new ByteArrayInputStream(gzip(large)), 0, 16 << 20));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 999_999, 1_000_000, 1_000_001, 10_000_000, Long.MAX_VALUE})
  void readsABodyWhateverLengthItsHeaderSays(long length) throws IOException {
    byte[] body = new byte[1_000_000];
    new Random(1).nextBytes(body);

    assertArrayEquals(body, AnswerBody.whole(new ByteArrayInputStream(body), length, 16 << 20));
    assertThrows(
        AnswerTooLargeException.class,
        () -> AnswerBody.whole(new ByteArrayInputStream(body), length, 999_999));
  }

  @Test
  void aCallThatNobodyScopesNeedsNoHeap() throws IOException {
    AnswerHeap.end();
    room = 0;

    requests.received(new ByteArrayInputStream(zeros(10)), fetch);

    assertEquals(0, asked);
  }
}
