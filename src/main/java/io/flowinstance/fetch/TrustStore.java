package io.flowinstance.fetch;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.KeyStoreException;
import java.util.Arrays;
import javax.net.ssl.SSLSocket;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.TlsSocketStrategy;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.ssl.SSLContextBuilder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TLS that trusts the certificates of a file. When the file is replaced, new connections use the
 * new one; while it cannot be read, they use what was read before.
 */
public final class TrustStore implements TlsSocketStrategy {
  private static final Logger LOG = LoggerFactory.getLogger(TrustStore.class);

  private final Path file;
  private final String type;
  private final char[] password;

  /** What was in the file when it was last usable. */
  private byte[] inUse;

  /** What else was found in it last, usable or not. */
  private byte[] tried;

  private boolean broken;
  private TlsSocketStrategy tls;

  /**
   * @param type {@code PKCS12} or {@code JKS}
   * @throws IllegalStateException the file cannot be used
   */
  public TrustStore(Path file, String type, char[] password) {
    this.file = file;
    this.type = type;
    this.password = password.clone();
    try {
      inUse = Files.readAllBytes(file);
      tls = load(inUse);
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalStateException(
          "The trust store %s of enos.trust-store cannot be used: %s"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  @Override
  public SSLSocket upgrade(
      Socket socket, String target, int port, Object attachment, HttpContext context)
      throws IOException {
    return current().upgrade(socket, target, port, attachment, context);
  }

  private synchronized TlsSocketStrategy current() {
    try {
      byte[] found = Files.readAllBytes(file);
      if (Arrays.equals(found, inUse)) {
        if (broken) {
          LOG.info("The trust store {} of enos.trust-store can be read again.", file);
        }
        broken = false;
        tried = null;
      } else if (!Arrays.equals(found, tried)) {
        tried = found;
        tls = load(found);
        inUse = found;
        broken = false;
        LOG.info("The trust store {} of enos.trust-store was replaced and is in use now.", file);
      }
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      if (!broken) {
        LOG.warn(
            "The trust store {} of enos.trust-store cannot be read; the previous one stays in use."
                + " Check the file, its type and its password. {}",
            file,
            e.toString());
      }
      broken = true;
    }
    return tls;
  }

  private TlsSocketStrategy load(byte[] content) throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(type);
    store.load(new ByteArrayInputStream(content), password);
    if (store.size() == 0) {
      throw new KeyStoreException("It holds no certificate.");
    }
    return new DefaultClientTlsStrategy(
        SSLContextBuilder.create().loadTrustMaterial(store, null).build());
  }
}
