package io.flowinstance.fetch;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A server that answers each request with bytes of the test's own, on sockets that it can break.
 */
final class ScriptedServer implements AutoCloseable {
  /** Answers one request, whose head and body were read. */
  @FunctionalInterface
  interface Script {
    void answer(Request request, OutputStream out) throws IOException;
  }

  /**
   * One request.
   *
   * @param connection the how-manieth connection it came on, from 1
   * @param number the how-manieth request of that connection it is, from 1
   * @param head its lines as they came
   * @param socket where it came from
   */
  record Request(int connection, int number, List<String> head, Socket socket) {
    String header(String name) {
      return head.stream()
          .filter(line -> line.toLowerCase().startsWith(name.toLowerCase() + ":"))
          .map(line -> line.substring(name.length() + 1).strip())
          .reduce((a, b) -> a + ", " + b)
          .orElse(null);
    }
  }

  private final ServerSocket listening;
  private final AtomicInteger connections = new AtomicInteger();
  private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
  private final List<Request> requests = new CopyOnWriteArrayList<>();
  private volatile Script script;

  ScriptedServer(Script script) {
    this(plainSocket(), script);
  }

  /**
   * @param listening bound to the loopback interface
   */
  ScriptedServer(ServerSocket listening, Script script) {
    this.listening = listening;
    this.script = script;
    daemon(this::accept);
  }

  private static ServerSocket plainSocket() {
    try {
      ServerSocket socket = new ServerSocket();
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 1024);
      return socket;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  int port() {
    return listening.getLocalPort();
  }

  void script(Script next) {
    script = next;
  }

  int connections() {
    return connections.get();
  }

  List<Request> requests() {
    return requests;
  }

  /** A whole answer with a JSON body. */
  static Script json(String body) {
    return (request, out) -> out.write(answer(200, "", body.getBytes(ISO_8859_1)));
  }

  /**
   * An answer with its Content-Length.
   *
   * @param headers each with a line break after it
   */
  static byte[] answer(int status, String headers, byte[] body) {
    byte[] head =
        "HTTP/1.1 %d Status\r\n%sContent-Length: %d\r\n\r\n"
            .formatted(status, headers, body.length)
            .getBytes(ISO_8859_1);
    byte[] answer = new byte[head.length + body.length];
    System.arraycopy(head, 0, answer, 0, head.length);
    System.arraycopy(body, 0, answer, head.length, body.length);
    return answer;
  }

  private void accept() {
    try {
      while (true) {
        Socket socket = listening.accept();
        socket.setTcpNoDelay(true);
        sockets.add(socket);
        int number = connections.incrementAndGet();
        daemon(() -> serve(socket, number));
      }
    } catch (IOException closed) {
      // close() ends the loop this way.
    }
  }

  private void serve(Socket socket, int connection) {
    try (socket) {
      InputStream in = new BufferedInputStream(socket.getInputStream());
      OutputStream out = socket.getOutputStream();
      for (int number = 1; ; number++) {
        List<String> head = head(in);
        if (head.isEmpty()) {
          return;
        }
        Request request = new Request(connection, number, head, socket);
        String length = request.header("Content-Length");
        in.skipNBytes(length == null ? 0 : Long.parseLong(length));
        requests.add(request);
        script.answer(request, out);
        out.flush();
      }
    } catch (IOException e) {
      // The client has gone, or the script closed the socket.
    }
  }

  private static List<String> head(InputStream in) throws IOException {
    List<String> lines = new CopyOnWriteArrayList<>();
    StringBuilder line = new StringBuilder();
    for (int c; (c = in.read()) >= 0; ) {
      if (c == '\n') {
        if (line.isEmpty()) {
          return lines;
        }
        lines.add(line.toString());
        line.setLength(0);
      } else if (c != '\r') {
        line.append((char) c);
      }
    }
    return List.of();
  }

  private static void daemon(Runnable task) {
    Thread thread = new Thread(task, "scripted-server");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listening.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
