package io.flowinstance.fetch;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.enos.AnswerTooLargeException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
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
  /** An answer that is no success is read up to here: an envelope has less. */
  static final int LONGEST_OF_A_FAILURE = 64 << 10;

  private static final int BUFFER = 8 << 10;

  private AnswerBody() {}

  /**
   * The whole body of a success. A body whose gzip is broken comes back as it came, and is no JSON.
   *
   * @param limit most bytes, packed and unpacked
   * @throws AnswerTooLargeException there are more
   * @throws NoHeapException there is no heap for so many now
   */
  static byte[] whole(InputStream in, long limit) throws IOException {
    byte[] raw = bounded(in, limit);
    if (!isGzip(raw)) {
      return raw;
    }
    try (InputStream unpacking = new GZIPInputStream(new ByteArrayInputStream(raw))) {
      return bounded(unpacking, limit);
    } catch (AnswerTooLargeException e) {
      throw e;
    } catch (IOException brokenGzip) {
      return raw;
    }
  }

  /**
   * The first part of a body that only explains a status: what can be had of it. Nothing that goes
   * wrong with such a body may hide the status.
   */
  static byte[] firstPart(InputStream in) {
    byte[] raw = asFarAsItGoes(in);
    if (!isGzip(raw)) {
      return raw;
    }
    byte[] unpacked;
    try (InputStream unpacking = new GZIPInputStream(new ByteArrayInputStream(raw))) {
      unpacked = asFarAsItGoes(unpacking);
    } catch (IOException noGzipHeader) {
      return raw;
    }
    return unpacked.length == 0 ? raw : unpacked;
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

  private static byte[] bounded(InputStream in, long limit) throws IOException {
    byte[] buffer = new byte[BUFFER];
    int length = 0;
    for (int read; (read = in.read(buffer, length, buffer.length - length)) >= 0; ) {
      length += read;
      if (length > limit) {
        throw new AnswerTooLargeException(limit);
      }
      if (length == buffer.length) {
        int longer = (int) Math.min(2L * length, Integer.MAX_VALUE - 8);
        AnswerHeap.take(length, 0);
        buffer = Arrays.copyOf(buffer, longer);
      }
    }
    return Arrays.copyOf(buffer, length);
  }

  private static byte[] asFarAsItGoes(InputStream in) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] buffer = new byte[BUFFER];
    try {
      for (int read;
          out.size() < LONGEST_OF_A_FAILURE
              && (read = in.read(buffer, 0, Math.min(BUFFER, LONGEST_OF_A_FAILURE - out.size())))
                  >= 0; ) {
        out.write(buffer, 0, read);
      }
    } catch (IOException cutShort) {
      // The status is known: what came of the body has to do.
    }
    return out.toByteArray();
  }

  private static boolean isGzip(byte[] bytes) {
    return bytes.length > 2 && bytes[0] == 0x1f && (bytes[1] & 0xff) == 0x8b;
  }
}
