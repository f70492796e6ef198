package io.flowinstance.demo;

import java.util.Map;

/** What the demo shows: started with settings as {@code application.properties} names them. */
@FunctionalInterface
interface Pipeline {
  /** Returns when ids are being read; closing the result stops it. */
  AutoCloseable start(Map<String, String> settings) throws Exception;
}
