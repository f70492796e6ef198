package io.flowinstance.graph;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;

/** A part of a FlowInstance that writes itself as one JSON value. */
interface Element {
  void writeTo(JsonGenerator json) throws IOException;
}
