package io.flowinstance.simulator;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ServerSocketFactory;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.http.impl.io.DefaultBHttpServerConnection;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.apache.hc.core5.http.message.BasicClassicHttpResponse;

/**
 * The HTTP server of the tests, on the loopback interface, with a thread for each connection, so
 * that a slow answer holds up nobody else. HttpCore reads the requests. The answers are written to
 * the socket, because faults need it: an answer cut short, a connection reset, a port that stops
 * listening and listens again.
 */
public final class HttpListener implements AutoCloseable {
  /** In place of a length: the body comes in chunks, which the caller writes, sizes and all. */
  public static final long CHUNKED = -1;

  private static final int BACKLOG = 1024;

  /** Answers one request, by one of the connection's methods or its raw bytes. */
  @FunctionalInterface
  public interface Handler {
    void answer(ApiRequest request, Connection connection) throws IOException;
  }

  private final int port;
  private final ServerSocketFactory sockets;
  private final Handler handler;
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final AtomicInteger accepted = new AtomicInteger();
  private volatile ServerSocket serverSocket;
  private volatile boolean closesAfterAnswer;

  public HttpListener(int port, Handler handler) {
    this(port, ServerSocketFactory.getDefault(), handler);
  }

  /**
   * @param sockets for HTTPS, those of a TLS context
   */
  public HttpListener(int port, ServerSocketFactory sockets, Handler handler) {
    this.port = port;
    this.sockets = sockets;
    this.handler = handler;
    listen();
  }

  public int port() {
    return port;
  }

  /** How many connections were made so far. */
  public int accepted() {
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
      ServerSocket socket =
          sockets.createServerSocket(port, BACKLOG, InetAddress.getLoopbackAddress());
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
        socket.setTcpNoDelay(true);
        Connection connection = new Connection(socket, accepted.incrementAndGet());
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
        connection.out.flush();
        if (!connection.keepAlive || closesAfterAnswer) {
          break;
        }
      }
    } catch (IOException | HttpException e) {
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

  /** One client's connection; used by its own thread alone, except for {@link #reset}. */
  public static final class Connection {
    private final Socket socket;
    private final int number;
    private final DefaultBHttpServerConnection requests =
        new DefaultBHttpServerConnection("http", Http1Config.DEFAULT);
    private OutputStream out;
    private int read;
    private boolean keepAlive = true;
    private volatile boolean frozen;

    private Connection(Socket socket, int number) {
      this.socket = socket;
      this.number = number;
    }

    /** The how-manieth connection of the server it is, from 1. */
    public int number() {
      return number;
    }

    /** How many requests came on it. */
    public int requests() {
      return read;
    }

    /** Sends a whole answer, JSON unless a header says otherwise. */
    public void send(int status, Map<String, String> headers, byte[] body) throws IOException {
      head(status, headers, body.length);
      out.write(body);
      out.flush();
    }

    /**
     * Sends the head alone, for a body of this many bytes; the caller writes them, or fewer, to the
     * stream it gets.
     */
    public OutputStream open(int status, Map<String, String> headers, long length)
        throws IOException {
      head(status, headers, length);
      out.flush();
      return out;
    }

    /** Sends these characters, a byte each, whatever they are. */
    public void write(String raw) throws IOException {
      out.write(raw.getBytes(ISO_8859_1));
      out.flush();
    }

    /** Answers nothing; returns when the client has closed the connection. */
    public void awaitEnd() throws IOException {
      keepAlive = false;
      socket.getInputStream().transferTo(OutputStream.nullOutputStream());
    }

    /** Closes the connection with a TCP reset, whatever was sent or not. */
    public void reset() {
      try {
        socket.setSoLinger(true, 0);
      } catch (IOException alreadyClosed) {
        return;
      }
      close();
    }

    public void close() {
      try {
        socket.close();
      } catch (IOException e) {
        // It is as closed as it will get.
      }
    }

    private void head(int status, Map<String, String> headers, long length) throws IOException {
      StringBuilder head = new StringBuilder(160);
      head.append("HTTP/1.1 ").append(status).append(" Status\r\n");
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
      out.write(head.append("\r\n").toString().getBytes(ISO_8859_1));
    }

    /** Reads the next request; null when the client has closed the connection. */
    private ApiRequest read() throws IOException, HttpException {
      if (out == null) {
        requests.bind(socket);
        out = new BufferedOutputStream(socket.getOutputStream(), 64 * 1024);
      }
      ClassicHttpRequest request = requests.receiveRequestHeader();
      if (request == null) {
        return null;
      }
      read++;
      Map<String, String> headers = new HashMap<>();
      for (Header header : request.getHeaders()) {
        headers.put(header.getName().toLowerCase(Locale.ROOT), header.getValue());
      }
      keepAlive =
          !headers.getOrDefault("connection", "").toLowerCase(Locale.ROOT).contains("close");
      if ("100-continue".equalsIgnoreCase(headers.get("expect"))) {
        requests.sendResponseHeader(new BasicClassicHttpResponse(100));
        requests.flush();
      }
      requests.receiveRequestEntity(request);
      byte[] body =
          request.getEntity() == null ? new byte[0] : EntityUtils.toByteArray(request.getEntity());
      return ApiRequest.of(request.getMethod(), request.getPath(), Map.copyOf(headers), body);
    }
  }
}
