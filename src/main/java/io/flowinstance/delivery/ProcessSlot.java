package io.flowinstance.delivery;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The place of this process among those of one prefix on its host: the first free number, held by a
 * file lock that ends with the process however it ends. A process that comes back finds its place
 * again, so its transactional ids are stable and abort what it left open; no two running processes
 * share one and fence each other.
 */
public final class ProcessSlot implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ProcessSlot.class);
  private static final int SLOTS = 1_000;

  private final String name;
  private final FileLock lock;

  private ProcessSlot(String name, FileLock lock) {
    this.name = name;
    this.lock = lock;
  }

  /**
   * Takes the first free place.
   *
   * @param prefix of the transactional ids
   * @param folder where the lock files are; without one, or when it cannot be written, the place is
   *     random, and a crashed process's transaction ends by its timeout alone
   */
  public static ProcessSlot take(String prefix, Path folder) {
    String host = prefix + "-" + hostName();
    try {
      Files.createDirectories(folder);
      shareWithOtherUsers(folder);
      for (int slot = 0; slot < SLOTS; slot++) {
        FileLock lock = tryLock(folder.resolve(host + "-" + slot + ".lock"));
        if (lock != null) {
          return new ProcessSlot(host + "-" + slot, lock);
        }
      }
      LOG.warn("All {} places in {} are taken; transactional ids are random.", SLOTS, folder);
    } catch (IOException e) {
      LOG.warn("{} cannot hold lock files; transactional ids are random: {}", folder, e.toString());
    }
    return new ProcessSlot(host + "-" + UUID.randomUUID(), null);
  }

  private static FileLock tryLock(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    shareWithOtherUsers(file);
    try {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        return lock;
      }
    } catch (OverlappingFileLockException e) {
      // Taken by another pipeline in this process.
    }
    channel.close();
    return null;
  }

  /** The places of a host are those of all its users; who made the folder opens it to the rest. */
  private static void shareWithOtherUsers(Path path) {
    try {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxrwxrwx"));
    } catch (IOException | UnsupportedOperationException e) {
      LOG.debug("{} keeps its permissions: {}", path, e.toString());
    }
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown-host";
    }
  }

  /** The transactional id of a lane: {@code <prefix>-<host>-<place>-<lane>}. */
  public String transactionalId(int lane) {
    return name + "-" + lane;
  }

  /** Gives the place back. */
  @Override
  public void close() {
    if (lock != null) {
      try {
        lock.acquiredBy().close();
      } catch (IOException e) {
        LOG.debug("The lock of {} ends with the process: {}", name, e.toString());
      }
    }
  }
}
