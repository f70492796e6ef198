package io.flowinstance.command;

import io.flowinstance.config.Settings;
import java.io.InputStream;
import java.time.Clock;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * What a command finds where it runs.
 *
 * @param environment the settings, by the names of environment variables
 * @param in standard input
 * @param clock tells what "two hours ago" means
 * @param unicode whether standard output can show more than ASCII
 * @param watched tells whether standard error is a terminal
 */
record CommandContext(
    Map<String, String> environment,
    InputStream in,
    Clock clock,
    boolean unicode,
    BooleanSupplier watched) {

  /**
   * The settings that a command uses.
   *
   * @throws io.flowinstance.config.SettingsException those parts of them cannot be used
   */
  Settings settings(Settings.Part... used) {
    return Settings.resolve(environment, Map.of(), Set.of(used));
  }
}
