package io.flowinstance.harness;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FreePortTest {
  @Test
  void noPortIsPickedTwice() {
    int picks = 500;

    assertEquals(
        picks,
        IntStream.range(0, picks)
            .mapToObj(each -> FreePort.pick())
            .collect(Collectors.toSet())
            .size());
  }
}
