package io.flowinstance.simulator;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;

/**
 * The two samples of the API's page, to the letter, with the backslashes that its printing lost.
 * Asked for by another suffix, a sample has that suffix in its ids; its times stay the page's.
 */
final class PageSample {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<Integer, String> SUFFIX_BY_FLOW_ID =
      Map.of(2438, "201907261239", 2809, "20190808093200");

  private PageSample() {}

  static boolean exists(int flowId) {
    return SUFFIX_BY_FLOW_ID.containsKey(flowId);
  }

  /** In the file, {@code graph} is an object: a person can read it, and git can compare it. */
  static InstanceTemplate of(int flowId, ApiVersion version) {
    try (InputStream in = PageSample.class.getResourceAsStream("/simulator/" + flowId + ".json")) {
      ObjectNode instance = (ObjectNode) JSON.readTree(in);
      ObjectNode graph = (ObjectNode) instance.get("graph");
      if (version == ApiVersion.V2_1) {
        graph.remove("alertTo");
        graph.remove("appId");
      }
      instance.put("graph", InstanceDrawing.text(graph));
      String suffix = "-" + SUFFIX_BY_FLOW_ID.get(flowId);
      String json = InstanceDrawing.text(instance);
      return new InstanceTemplate(json.replace(suffix, "-" + InstanceTemplate.SUFFIX), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
