package io.flowinstance;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/**
 * The settings of one process: the defaults of {@code application.properties}, the environment on
 * top, overrides of the caller above both.
 */
public final class Settings {
  private static final int LEAST_HOLD_MS = 60_000;

  private final Map<String, String> values;

  private Settings(Map<String, String> values) {
    this.values = Collections.unmodifiableMap(values);
  }

  /**
   * Resolves every known setting.
   *
   * @param environment variables such as {@code ENOS_BASE_URL}; {@code ENOS_APP_SECRET_FILE} names
   *     a file that holds the value
   * @param overrides settings by their own names, stronger than the environment
   * @throws SettingsException the settings cannot be used; it names every fault
   */
  public static Settings resolve(Map<String, String> environment, Map<String, String> overrides) {
    Map<String, String> values = defaults();
    List<String> faults = new ArrayList<>();
    values.replaceAll((name, value) -> fromEnvironment(environment, name, value, faults));
    overrides.forEach(
        (name, value) -> {
          if (values.replace(name, value.strip()) == null) {
            faults.add("There is no setting named %s.".formatted(name));
          }
        });
    Settings settings = new Settings(values);
    faults.addAll(SettingsCheck.faults(settings));
    if (!faults.isEmpty()) {
      throw new SettingsException(faults);
    }
    return settings;
  }

  private static Map<String, String> defaults() {
    Properties properties = new Properties();
    try (InputStream in = Settings.class.getResourceAsStream("/application.properties")) {
      properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Map<String, String> values = new TreeMap<>();
    properties.forEach((name, value) -> values.put(name.toString(), value.toString().strip()));
    return values;
  }

  private static String fromEnvironment(
      Map<String, String> environment, String name, String value, List<String> faults) {
    String variable = environmentVariable(name);
    String file = environment.get(variable + "_FILE");
    if (file != null) {
      try {
        return Files.readString(Path.of(file)).strip();
      } catch (IOException e) {
        faults.add(
            "%s_FILE names %s, which cannot be read: mount it, or mend the path."
                .formatted(variable, file));
        return value;
      }
    }
    return environment.getOrDefault(variable, value).strip();
  }

  /** The name of a setting in the environment: {@code enos.base-url} is {@code ENOS_BASE_URL}. */
  public static String environmentVariable(String name) {
    return name.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
  }

  /** All settings by name. */
  public Map<String, String> asMap() {
    return values;
  }

  /** The text of a setting, empty when it is not set. */
  public String text(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("There is no setting named " + name);
    }
    return value;
  }

  /** The whole number of a setting. */
  public int whole(String name) {
    return Integer.parseInt(text(name));
  }

  /**
   * How long after its poll an id is held: {@code batch.max-hold-ms}, or what the retry budget
   * needs, one minute at least.
   */
  public int maxHoldMs() {
    if (!text("batch.max-hold-ms").isEmpty()) {
      return whole("batch.max-hold-ms");
    }
    return Math.max(LEAST_HOLD_MS, whole("fetch.retry-budget-ms") + 2 * whole("fetch.timeout-ms"));
  }
}
