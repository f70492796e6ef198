package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.simulator.HttpListener.Connection;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/** A way in which the simulated API goes wrong. */
@FunctionalInterface
public interface Fault {
  /** Of RFC 9110; the JDK's RFC 1123 writes a day below ten with one digit. */
  DateTimeFormatter HTTP_DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ENGLISH);

  /** What the API would have answered, had nothing gone wrong; made when it is asked for. */
  interface Healthy {
    ApiRequest request();

    Answer answer();

    /** A body with this envelope code in it. */
    byte[] error(int code);
  }

  /** An HTTP status and a JSON body. */
  record Answer(int status, byte[] body) {
    static Answer ok(byte[] body) {
      return new Answer(200, body);
    }

    static Answer message(int status) {
      return new Answer(status, Fault.message(status));
    }
  }

  void answer(Connection connection, Healthy healthy) throws IOException;

  /** No fault. */
  static Fault none() {
    return (connection, healthy) -> {
      Answer answer = healthy.answer();
      connection.send(answer.status(), Map.of(), answer.body());
    };
  }

  /** The right answer, so much later. */
  static Fault late(Duration delay) {
    return (connection, healthy) -> {
      LockSupport.parkNanos(delay.toNanos());
      none().answer(connection, healthy);
    };
  }

  /** An HTTP status with the gateway's {@code {"message":"…"}}. */
  static Fault status(int status) {
    return (connection, healthy) -> connection.send(status, Map.of(), message(status));
  }

  /** An HTTP status with a body of one's own, such as a proxy's HTML. */
  static Fault status(int status, String contentType, String body) {
    return (connection, healthy) ->
        connection.send(status, Map.of("Content-Type", contentType), body.getBytes(UTF_8));
  }

  /** Something of one's own instead of the answer. */
  record Reply(int status, String contentType, byte[] body) {}

  /** To each call what it deserves. */
  static Fault replies(Function<ApiRequest, Reply> replies) {
    return (connection, healthy) -> {
      Reply reply = replies.apply(healthy.request());
      connection.send(reply.status(), Map.of("Content-Type", reply.contentType()), reply.body());
    };
  }

  /** An HTTP status with {@code Retry-After} in whole seconds. */
  static Fault retryAfter(int status, Duration wait) {
    return (connection, healthy) ->
        connection.send(
            status, Map.of("Retry-After", String.valueOf(wait.toSeconds())), message(status));
  }

  /** An HTTP status with {@code Retry-After} as a date, this far from now. */
  static Fault retryAfterDate(int status, Duration wait) {
    return (connection, healthy) -> {
      ZonedDateTime date = ZonedDateTime.now(ZoneOffset.UTC).plus(wait);
      String text = HTTP_DATE.format(date);
      connection.send(status, Map.of("Retry-After", text), message(status));
    };
  }

  /** HTTP 302 to another address. */
  static Fault redirect(String location) {
    return (connection, healthy) ->
        connection.send(302, Map.of("Location", location), message(302));
  }

  /** HTTP 200 with a code other than 0 in the envelope. */
  static Fault code(int code) {
    return (connection, healthy) -> connection.send(200, Map.of(), healthy.error(code));
  }

  /** HTTP 200 that says it is JSON, and is not. */
  static Fault garbage() {
    return body("<html>{\"status\":0,\"data\":\u0000\uFFFD");
  }

  /** HTTP 200 with this body. */
  static Fault body(String body) {
    return (connection, healthy) -> connection.send(200, Map.of(), body.getBytes(UTF_8));
  }

  /** The first half of the healthy answer, then a connection reset. */
  static Fault halfBody() {
    return (connection, healthy) -> {
      byte[] body = healthy.answer().body();
      OutputStream out = connection.open(200, Map.of(), body.length);
      out.write(body, 0, body.length / 2);
      out.flush();
      connection.reset();
    };
  }

  /** A connection reset instead of an answer. */
  static Fault reset() {
    return (connection, healthy) -> connection.reset();
  }

  /** No answer at all: the connection stays open until the client closes it. */
  static Fault silence() {
    return (connection, healthy) -> connection.awaitEnd();
  }

  /** Now one of these faults, now another, each as often as the others; seeded. */
  static Fault anyOf(Fault... faults) {
    Random random = new Random(11);
    return (connection, healthy) ->
        faults[random.nextInt(faults.length)].answer(connection, healthy);
  }

  /** This fault for about so many calls of one, at random but seeded; none for the others. */
  static Fault forShare(double share, Fault fault) {
    Random random = new Random(7);
    return (connection, healthy) ->
        (random.nextDouble() < share ? fault : none()).answer(connection, healthy);
  }

  /** A body without an end, as fast as the client takes it. */
  static Fault endlessBody() {
    return (connection, healthy) -> {
      byte[] chunk = ("10000\r\n" + " ".repeat(0x10000) + "\r\n").getBytes(UTF_8);
      OutputStream out = connection.open(200, Map.of(), HttpListener.CHUNKED);
      // It ends with the exception of a client that has gone.
      while (true) {
        out.write(chunk);
      }
    };
  }

  /** The healthy answer, a byte at a time with this pause after each: it never quite stalls. */
  static Fault tricklingBody(Duration pause) {
    return (connection, healthy) -> {
      byte[] body = healthy.answer().body();
      OutputStream out = connection.open(200, Map.of(), body.length);
      for (byte b : body) {
        out.write(b);
        out.flush();
        LockSupport.parkNanos(pause.toNanos());
      }
    };
  }

  /** The healthy answer with blanks after it, so many that it has this many bytes. */
  static Fault hugeBody(long bytes) {
    return (connection, healthy) -> {
      byte[] body = healthy.answer().body();
      OutputStream out = connection.open(200, Map.of(), Math.max(bytes, body.length));
      byte[] blanks = " ".repeat(0x10000).getBytes(UTF_8);
      out.write(body);
      for (long left = bytes - body.length; left > 0; left -= blanks.length) {
        out.write(blanks, 0, (int) Math.min(left, blanks.length));
      }
      out.flush();
    };
  }

  private static byte[] message(int status) {
    String message =
        switch (status) {
          case 400 -> "Cannot process request body";
          case 401 -> "Invalid authentication credentials";
          case 403 -> "Your IP address is not allowed";
          case 404 -> "no Route matched with those values";
          case 413 -> "Request size limit exceeded";
          case 429 -> "API rate limit exceeded";
          case 500 -> "An unexpected error occurred";
          case 503 -> "Service unavailable";
          default -> "status " + status;
        };
    return ("{\"message\":\"" + message + "\"}").getBytes(UTF_8);
  }
}
