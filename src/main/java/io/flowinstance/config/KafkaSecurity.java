package io.flowinstance.config;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.KeyStoreException;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.JaasContext;
import org.apache.kafka.common.security.ssl.DefaultSslEngineFactory;

/** What Kafka's own client makes of the stores and of the login that it would be given. */
final class KafkaSecurity {
  private KafkaSecurity() {}

  /**
   * What is wrong with a store, in the words of who reads it; empty when nothing is.
   *
   * @param connection settings of Kafka's client
   * @param prefix of those that belong to the store
   */
  static String storeFault(Map<String, String> connection, String prefix) {
    Map<String, String> store = new HashMap<>(connection);
    store.keySet().removeIf(name -> !name.startsWith(prefix));
    try (DefaultSslEngineFactory stores = new DefaultSslEngineFactory()) {
      stores.configure(new ConfigDef().withClientSslSupport().parse(store));
      KeyStore keys = stores.keystore();
      if (keys != null) {
        for (String alias : Collections.list(keys.aliases())) {
          // What is not a key with its certificate is never sent.
          if (keys.isKeyEntry(alias)
              && keys.getCertificate(alias) instanceof X509Certificate certificate) {
            certificate.checkValidity();
          }
        }
      }
      KeyStore trusted = stores.truststore();
      return trusted == null || hasCertificate(trusted)
          ? ""
          : "it has no certificate, or none without its password";
    } catch (KafkaException | GeneralSecurityException e) {
      Throwable root = e;
      // What caused an IOException is the cipher's message, which does not say what is wrong.
      while (root.getCause() != null && !(root instanceof IOException)) {
        root = root.getCause();
      }
      return String.valueOf(root.getMessage());
    }
  }

  /** Java reads a PKCS12 store without its password as well, and leaves its certificates out. */
  static boolean hasCertificate(KeyStore store) throws KeyStoreException {
    for (String alias : Collections.list(store.aliases())) {
      if (store.getCertificate(alias) != null) {
        return true;
      }
    }
    return false;
  }

  /**
   * What a JAAS line says.
   *
   * @throws IllegalArgumentException it is none
   */
  static JaasContext login(String jaas) {
    return JaasContext.loadClientContext(Map.of("sasl.jaas.config", new Password(jaas)));
  }
}
