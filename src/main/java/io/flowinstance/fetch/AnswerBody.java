package io.flowinstance.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.enos.AnswerTooLargeException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import org.apache.hc.core5.http.ContentType;

/**
 * The bytes of an answer's body, read within a bound and unpacked. Whether a body is gzip is seen
 * in its first bytes: a gateway's header may be wrong, and no JSON text begins like gzip.
 */
final class AnswerBody {
  private static final int BUFFER = 8 << 10;

  /** An answer that is not a success is read up to here: an envelope has less. */
  private static final int LONGEST_OF_A_FAILURE = 8 * BUFFER;

  private AnswerBody() {}

  /**
   * The whole body of a success. A body whose gzip is broken comes back as it came, and is not
   * JSON.
   *
   * @param length how many bytes the header says that there are, or 0
   * @param limit most bytes, packed and unpacked
   * @throws AnswerTooLargeException there are more
   * @throws NoHeapException there is no heap for so many now
   */
  static byte[] whole(InputStream in, long length, long limit) throws IOException {
    return unpacked(read(in, length, limit, true), limit, true);
  }

  /**
   * The first part of a body that only explains a status, as far as it can be read. A fault of such
   * a body must not hide the status.
   */
  static byte[] firstPart(InputStream in) throws IOException {
    return unpacked(read(in, 0, LONGEST_OF_A_FAILURE, false), LONGEST_OF_A_FAILURE, false);
  }

  private static byte[] unpacked(byte[] raw, long limit, boolean whole) throws IOException {
    boolean isGzip = raw.length > 2 && raw[0] == 0x1f && (raw[1] & 0xff) == 0x8b;
    if (!isGzip) {
      return raw;
    }
    try (InputStream unpacking = new GZIPInputStream(new ByteArrayInputStream(raw))) {
      byte[] unpacked = read(unpacking, 0, limit, whole);
      return unpacked.length == 0 ? raw : unpacked;
    } catch (AnswerTooLargeException e) {
      throw e;
    } catch (IOException brokenGzip) {
      return raw;
    }
  }

  /**
   * The body in UTF-8, where its charset is another and can be told.
   *
   * @param contentType the header of the answer, or null. A body that is UTF-8 is taken as that,
   *     whatever the header says: gateways add charsets that are none of the service's
   */
  static byte[] inUtf8(byte[] body, String contentType) {
    Charset charset = charset(contentType);
    if (charset == null || charset.equals(UTF_8) || isText(body, UTF_8)) {
      return body;
    }
    return isText(body, charset) ? new String(body, charset).getBytes(UTF_8) : body;
  }

  private static Charset charset(String contentType) {
    try {
      ContentType type = ContentType.parseLenient(contentType);
      return type == null ? null : type.getCharset();
    } catch (IllegalArgumentException unknown) {
      return null;
    }
  }

  /** Whether it is text in a charset: without the control characters that no JSON holds. */
  private static boolean isText(byte[] body, Charset charset) {
    try {
      return charset
          .newDecoder()
          .decode(ByteBuffer.wrap(body))
          .chars()
          .allMatch(c -> c >= ' ' || c == '\t' || c == '\r' || c == '\n');
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  private static byte[] read(InputStream in, long expected, long limit, boolean whole)
      throws IOException {
    byte[] buffer = new byte[expected > 0 && expected <= limit ? (int) expected : BUFFER];
    int length = 0;
    int read = 0;
    try {
      while (read >= 0 && (whole || length < limit)) {
        if (length == buffer.length) {
          int next = in.read();
          if (next < 0) {
            break;
          }
          if (whole) {
            AnswerHeap.take(length, 0);
          }
          buffer = Arrays.copyOf(buffer, (int) Math.min(2L * length, Integer.MAX_VALUE - 8));
          buffer[length++] = (byte) next;
        }
        read = in.read(buffer, length, buffer.length - length);
        length += Math.max(0, read);
        if (length > limit) {
          throw new AnswerTooLargeException(limit);
        }
      }
    } catch (IOException e) {
      if (whole) {
        throw e;
      }
    }
    return length == buffer.length ? buffer : Arrays.copyOf(buffer, length);
  }
}
