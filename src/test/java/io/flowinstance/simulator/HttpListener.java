package io.flowinstance.simulator;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A small HTTP/1.1 server on the loopback interface: keep-alive, Content-Length and chunked
 * requests, a thread for each connection, so that a slow answer holds up nobody else.
 *
 * <p>Not the JDK's server, because faults need the socket itself: an answer cut short, a connection
 * reset, a port that stops listening and listens again.
 */
final class HttpListener implements AutoCloseable {
  private static final int BACKLOG = 1024;
  private static final int MAX_LINE_BYTES = 64 * 1024;

  /** In place of a length: the body comes in chunks, which the caller writes, sizes and all. */
  static final long CHUNKED = -1;

  private static final byte[] CONTINUE = ascii("HTTP/1.1 100 Continue\r\n\r\n");

  /** Answers one request, by exactly one of the connection's methods. */
  @FunctionalInterface
  interface Handler {
    void answer(ApiRequest request, Connection connection) throws IOException;
  }

  private final Handler handler;
  private final int port;
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();
  private volatile ServerSocket serverSocket;
  private volatile boolean closesAfterAnswer;

  HttpListener(int port, Handler handler) {
    this.port = port;
    this.handler = handler;
    listen();
  }

  int port() {
    return port;
  }

  /** How many connections were made so far. */
  int accepted() {
    return accepted.get();
  }

  /** Whether each connection is closed after its first answer, without saying so before. */
  void closeAfterAnswer(boolean close) {
    closesAfterAnswer = close;
  }

  /** Answers no further request on the connections that there are, and leaves them open. */
  void freezeConnections() {
    connections.forEach(connection -> connection.frozen = true);
  }

  /** Listens, unless it does. */
  synchronized void listen() {
    if (serverSocket != null) {
      return;
    }
    try {
      ServerSocket socket = new ServerSocket();
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), BACKLOG);
      serverSocket = socket;
      daemon("simulator-" + port + "-accept", () -> accept(socket));
    } catch (IOException e) {
      throw new UncheckedIOException("The simulator cannot listen on port " + port, e);
    }
  }

  /** Stops listening and resets every connection; {@link #listen} brings the port back. */
  @Override
  public synchronized void close() {
    if (serverSocket == null) {
      return;
    }
    try {
      serverSocket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      serverSocket = null;
      connections.forEach(Connection::reset);
    }
  }

  private void accept(ServerSocket listening) {
    try {
      while (true) {
        Socket socket = listening.accept();
        accepted.incrementAndGet();
        socket.setTcpNoDelay(true);
        Connection connection = new Connection(socket);
        connections.add(connection);
        // A connection accepted while close() swept the others would stay open for ever.
        if (listening.isClosed()) {
          connection.reset();
        }
        daemon("simulator-" + port + "-" + socket.getPort(), () -> serve(connection));
      }
    } catch (IOException closed) {
      // close() ends the loop this way.
    }
  }

  private void serve(Connection connection) {
    try {
      for (ApiRequest request; (request = connection.read()) != null; ) {
        if (connection.frozen) {
          connection.awaitEnd();
          break;
        }
        handler.answer(request, connection);
        if (!connection.keepAlive || closesAfterAnswer) {
          break;
        }
      }
    } catch (IOException e) {
      // The client has gone, or a fault closed the connection: nobody is left to tell.
    } finally {
      connections.remove(connection);
      connection.close();
    }
  }

  private static void daemon(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /** One client's connection; used by its own thread alone, except for {@link #reset}. */
  static final class Connection {
    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private boolean keepAlive = true;
    private volatile boolean frozen;

    private Connection(Socket socket) throws IOException {
      this.socket = socket;
      this.in = new BufferedInputStream(socket.getInputStream(), 16 * 1024);
      this.out = new BufferedOutputStream(socket.getOutputStream(), 64 * 1024);
    }

    /** Sends a whole JSON answer. */
    void send(int status, Map<String, String> headers, byte[] body) throws IOException {
      head(status, headers, body.length);
      out.write(body);
      out.flush();
    }

    /**
     * Sends the head alone, for a body of this many bytes; the caller writes them, or fewer, to the
     * stream it gets.
     */
    OutputStream open(int status, Map<String, String> headers, long length) throws IOException {
      head(status, headers, length);
      out.flush();
      return out;
    }

    /** Answers nothing; returns when the client has closed the connection. */
    void awaitEnd() throws IOException {
      keepAlive = false;
      in.transferTo(OutputStream.nullOutputStream());
    }

    /** Closes the connection with a TCP reset, whatever was sent or not. */
    void reset() {
      try {
        socket.setSoLinger(true, 0);
      } catch (IOException alreadyClosed) {
        return;
      }
      close();
    }

    private void close() {
      try {
        socket.close();
      } catch (IOException e) {
        // It is as closed as it will get.
      }
    }

    private void head(int status, Map<String, String> headers, long length) throws IOException {
      StringBuilder head = new StringBuilder(160);
      head.append("HTTP/1.1 ").append(status).append(' ').append(reason(status)).append("\r\n");
      if (!headers.containsKey("Content-Type")) {
        head.append("Content-Type: application/json;charset=UTF-8\r\n");
      }
      headers.forEach((name, value) -> head.append(name + ": " + value + "\r\n"));
      if (length == CHUNKED) {
        head.append("Transfer-Encoding: chunked\r\n");
      } else {
        head.append("Content-Length: ").append(length).append("\r\n");
      }
      if (!keepAlive) {
        head.append("Connection: close\r\n");
      }
      out.write(ascii(head.append("\r\n").toString()));
    }

    /** Reads the next request; null when the client has closed the connection. */
    private ApiRequest read() throws IOException {
      String requestLine = line();
      if (requestLine == null) {
        return null;
      }
      String[] parts = requestLine.split(" ");
      if (parts.length != 3) {
        throw new IOException("This is no HTTP request: " + requestLine);
      }
      Map<String, String> headers = new HashMap<>();
      for (String line; !(line = requiredLine()).isEmpty(); ) {
        int colon = line.indexOf(':');
        if (colon > 0) {
          String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
          headers.put(name, line.substring(colon + 1).trim());
        }
      }
      String persistence = headers.getOrDefault("connection", "").toLowerCase(Locale.ROOT);
      keepAlive =
          parts[2].equals("HTTP/1.1")
              ? !persistence.contains("close")
              : persistence.contains("keep-alive");
      if ("100-continue".equalsIgnoreCase(headers.get("expect"))) {
        out.write(CONTINUE);
        out.flush();
      }
      return ApiRequest.of(parts[0], parts[1], Map.copyOf(headers), body(headers));
    }

    private byte[] body(Map<String, String> headers) throws IOException {
      if ("chunked".equalsIgnoreCase(headers.get("transfer-encoding"))) {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        for (int size; (size = Integer.parseInt(requiredLine().split(";")[0].trim(), 16)) > 0; ) {
          body.write(bytes(size));
          requiredLine();
        }
        while (!requiredLine().isEmpty()) {
          // Trailers mean nothing here.
        }
        return body.toByteArray();
      }
      return bytes(Integer.parseInt(headers.getOrDefault("content-length", "0")));
    }

    private byte[] bytes(int count) throws IOException {
      byte[] bytes = in.readNBytes(count);
      if (bytes.length < count) {
        throw new EOFException("The client closed the connection inside a body");
      }
      return bytes;
    }

    private String requiredLine() throws IOException {
      String line = line();
      if (line == null) {
        throw new EOFException("The client closed the connection inside a request");
      }
      return line;
    }

    private String line() throws IOException {
      StringBuilder line = new StringBuilder();
      for (int c; (c = in.read()) != '\n'; ) {
        if (c < 0) {
          return null;
        }
        if (line.length() == MAX_LINE_BYTES) {
          throw new IOException("A header line is longer than " + MAX_LINE_BYTES + " bytes");
        }
        if (c != '\r') {
          line.append((char) c);
        }
      }
      return line.toString();
    }

    private static String reason(int status) {
      return switch (status) {
        case 200 -> "OK";
        case 400 -> "Bad Request";
        case 401 -> "Unauthorized";
        case 403 -> "Forbidden";
        case 404 -> "Not Found";
        case 413 -> "Payload Too Large";
        case 429 -> "Too Many Requests";
        case 500 -> "Internal Server Error";
        case 503 -> "Service Unavailable";
        default -> "Status";
      };
    }
  }
}
