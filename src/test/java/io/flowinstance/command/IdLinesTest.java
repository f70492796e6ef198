package io.flowinstance.command;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.enos.InstanceQuery;
import java.io.ByteArrayInputStream;
import java.util.List;
import org.junit.jupiter.api.Test;

class IdLinesTest {
  private static IdLines read(byte[] text) {
    return IdLines.read(new ByteArrayInputStream(text), "the test");
  }

  @Test
  void takesEachIdOnceAndPassesOverBlanksAndComments() {
    IdLines ids = read("\uFEFF1-1\r\n\n  \n# no id\n 2-2 \n1-1\n\"2-2\"\nlast".getBytes(UTF_8));

    assertEquals(List.of("1-1", "2-2", "last"), List.copyOf(ids.values().values()));
    assertEquals(2, ids.repeated());
  }

  @Test
  void keepsAnIdApartFromTheSameOneOnAnotherUsersBehalf() {
    String other = "{\"flowInstId\": \"1-1\", \"userId\": \"ann\"}";
    IdLines ids = read(("1-1\n" + other).getBytes(UTF_8));

    assertEquals(other, ids.values().get(new InstanceQuery("1-1", "ann", null)));
    assertEquals("1-1", ids.values().get(new InstanceQuery("1-1", null, null)));
  }

  @Test
  void namesEveryLineThatHoldsNoId() {
    CommandFailedException failure =
        assertThrows(
            CommandFailedException.class,
            () -> read(("ok\n{\"a\": 1}\n" + "x".repeat(300) + "\n").getBytes(UTF_8)));

    assertTrue(failure.getMessage().startsWith("2 lines of the test"), failure.getMessage());
    assertTrue(failure.getMessage().contains("  line 2: The value is a JSON object without"));
    assertTrue(failure.getMessage().contains("  line 3: The id has 300 characters"));
  }

  @Test
  void refusesWhatIsNoText() {
    CommandFailedException failure =
        assertThrows(CommandFailedException.class, () -> read(new byte[] {'a', (byte) 0xFF}));

    assertEquals("the test is not UTF-8 text.", failure.getMessage());
  }
}
