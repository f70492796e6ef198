package io.flowinstance.kafka;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What is wrong now. Each sentence is logged once when it begins to be true, and once after. */
public final class Faults {
  private static final Logger LOG = LoggerFactory.getLogger(Faults.class);

  private final Map<String, String> sentences = new LinkedHashMap<>();

  /**
   * Says what is wrong.
   *
   * @param source whose fault it is, until it reports another one or {@link #clear} is called
   */
  public synchronized void report(String source, String sentence) {
    boolean isNew = !sentences.containsValue(sentence);
    String before = sentences.put(source, sentence);
    if (isNew) {
      LOG.warn("{} Trying again.", sentence);
    }
    solved(before, sentence);
  }

  /** Nothing is wrong with this source any more. */
  public synchronized void clear(String source) {
    if (!sentences.isEmpty()) {
      solved(sentences.remove(source), null);
    }
  }

  /** Says nothing more of this source, which is gone. */
  synchronized void forget(String source) {
    sentences.remove(source);
  }

  private void solved(String before, String now) {
    if (before != null && !before.equals(now) && !sentences.containsValue(before)) {
      LOG.info("Resolved: {}", before);
    }
  }

  /** Everything that is wrong, each sentence once. */
  public synchronized List<String> all() {
    return new ArrayList<>(new LinkedHashSet<>(sentences.values()));
  }
}
