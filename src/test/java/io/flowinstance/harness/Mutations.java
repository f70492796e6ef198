package io.flowinstance.harness;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Random;

/** Makes hostile bytes of well-formed ones: cut, doubled, spliced, and with what breaks parsers. */
public final class Mutations {
  private static final int MOST_CHANGES = 4;

  /** Terminals, log files, JSON readers, browsers and numbers each have one to fall for. */
  private static final List<byte[]> HOSTILE =
      List.of(
          utf8("\u001b]52;c;cm0gLXJm\u0007"),
          utf8("\u001b[2J\u001b[1;1H"),
          utf8("\r\n2026-01-01 00:00:00 ERROR forged\r\n"),
          utf8("\u202e\u2066\u2028\u2029\u0085\u200b\ufeff"),
          utf8("\\u001b\\u0000\\ud800\\u2028"),
          utf8("\u0000"),
          utf8("${jndi:ldap://x/a} ${env:ENOS_APP_SECRET} {{enos.app-secret}} #{1+1}"),
          utf8("{\"@type\":\"java.net.URL\",\"@class\":\"java.lang.Runtime\"}"),
          utf8("\"userId\":\"root\",\"orgId\":\"foreign\","),
          utf8("&action=delete&userId=root#"),
          utf8("1e2147483647"),
          utf8("100e2147483647"),
          utf8("-99999999999999999999999999999999"),
          utf8("0.1e-400"),
          utf8("[".repeat(5_000)),
          utf8("{\"a\":".repeat(2_000)),
          utf8("9".repeat(3_000)),
          utf8("x".repeat(70_000)),
          utf8("null"),
          utf8("\"\""),
          utf8("\\\"\\\\\\\""),
          new byte[] {(byte) 0xff, (byte) 0xfe, (byte) 0xc0, (byte) 0x80},
          new byte[] {(byte) 0x1f, (byte) 0x8b, 8, 0});

  private final Random random;

  public Mutations(long seed) {
    random = new Random(seed);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(UTF_8);
  }

  public <T> T any(List<T> those) {
    return those.get(random.nextInt(those.size()));
  }

  /** Whether it happens this time, once in so many. */
  public boolean onceIn(int times) {
    return random.nextInt(times) == 0;
  }

  /** One to four changes of one of these. */
  public byte[] of(List<byte[]> seeds) {
    byte[] bytes = any(seeds);
    for (int change = 1 + random.nextInt(MOST_CHANGES); change > 0; change--) {
      bytes = change(bytes, any(seeds));
    }
    return bytes;
  }

  private byte[] change(byte[] bytes, byte[] other) {
    int from = random.nextInt(bytes.length + 1);
    int to = from + random.nextInt(bytes.length - from + 1);
    byte[] none = {};
    return switch (random.nextInt(7)) {
      case 0 -> splice(bytes, from, none, to);
      case 1 -> splice(bytes, to, bytes, from);
      case 2 -> splice(bytes, from, other, to);
      case 3 -> splice(bytes, from, new byte[] {(byte) random.nextInt(256)}, from);
      case 4 -> splice(bytes, from, none, bytes.length);
      default -> splice(bytes, from, any(HOSTILE), random.nextBoolean() ? from : to);
    };
  }

  /** The bytes before {@code end}, what is put in, and the bytes from {@code begin} on. */
  private static byte[] splice(byte[] bytes, int end, byte[] inserted, int begin) {
    ByteArrayOutputStream spliced = new ByteArrayOutputStream();
    spliced.write(bytes, 0, end);
    spliced.writeBytes(inserted);
    spliced.write(bytes, begin, bytes.length - begin);
    return spliced.toByteArray();
  }
}
