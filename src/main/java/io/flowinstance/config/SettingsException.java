package io.flowinstance.config;

import java.util.List;

/** The settings cannot be used; the message names every fault and what to do about it. */
public final class SettingsException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String[] faults;

  public SettingsException(List<String> faults) {
    super(
        "The settings cannot be used. Nothing was started.\n  - " + String.join("\n  - ", faults));
    this.faults = faults.toArray(String[]::new);
  }

  /** One sentence per fault, at least one. */
  public List<String> faults() {
    return List.of(faults);
  }
}
