package io.flowinstance.delivery;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessSlotTest {
  @TempDir Path folder;

  @Test
  void twoProcessesOfOneHostHaveDifferentIds() {
    try (ProcessSlot first = ProcessSlot.take("group", folder);
        ProcessSlot second = ProcessSlot.take("group", folder)) {
      assertTrue(first.transactionalId(1).endsWith("-0-1"), first.transactionalId(1));
      assertTrue(second.transactionalId(1).endsWith("-1-1"), second.transactionalId(1));
    }
  }

  @Test
  void aProcessThatComesBackHasItsIdsAgain() {
    ProcessSlot first = ProcessSlot.take("group", folder);
    String before = first.transactionalId(0);
    first.close();

    try (ProcessSlot again = ProcessSlot.take("group", folder)) {
      assertEquals(before, again.transactionalId(0));
    }
  }

  @Test
  void aFolderThatCannotBeWrittenMakesTheIdsRandom() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));

    assertNotEquals(
        ProcessSlot.take("group", file).transactionalId(0),
        ProcessSlot.take("group", file).transactionalId(0));
  }
}
