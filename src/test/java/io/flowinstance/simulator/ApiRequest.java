package io.flowinstance.simulator;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * One call as the simulator received it.
 *
 * @param path the path without the query
 * @param parameters the query, percent-decoded, in ascending order of the names
 * @param headers the headers under their lower-case names
 * @param body the body, empty when there was none
 */
public record ApiRequest(
    String method,
    String path,
    List<Parameter> parameters,
    Map<String, String> headers,
    byte[] body) {

  /** A query parameter, percent-decoded. */
  public record Parameter(String name, String value) {}

  static ApiRequest of(String method, String target, Map<String, String> headers, byte[] body) {
    int mark = target.indexOf('?');
    return mark < 0
        ? new ApiRequest(method, target, List.of(), headers, body)
        : new ApiRequest(
            method,
            target.substring(0, mark),
            parametersOf(target.substring(mark + 1)),
            headers,
            body);
  }

  /** The first parameter of this name. */
  public Optional<String> parameter(String name) {
    return parameters.stream().filter(p -> p.name().equals(name)).map(Parameter::value).findFirst();
  }

  public Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT)));
  }

  static List<Parameter> parametersOf(String query) {
    List<Parameter> parameters = new ArrayList<>();
    for (String pair : query.split("&")) {
      if (!pair.isEmpty()) {
        int equals = pair.indexOf('=');
        String name = equals < 0 ? pair : pair.substring(0, equals);
        String value = equals < 0 ? "" : pair.substring(equals + 1);
        parameters.add(new Parameter(decoded(name), decoded(value)));
      }
    }
    parameters.sort(Comparator.comparing(Parameter::name));
    return List.copyOf(parameters);
  }

  private static String decoded(String text) {
    return text.indexOf('%') < 0 && text.indexOf('+') < 0
        ? text
        : URLDecoder.decode(text, StandardCharsets.UTF_8);
  }
}
