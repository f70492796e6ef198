package io.flowinstance.enos;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Takes secrets out of what others say: a gateway may quote what it refuses, and its words go into
 * logs and dead letters. It knows a secret as it is, escaped for JSON (once or more), for a URL and
 * for HTML, in upper and lower case, and cut short.
 */
public final class Redaction {
  /** Takes out nothing. */
  public static final Redaction NONE = new Redaction(List.of());

  private static final String HIDDEN = "[hidden]";

  /** A text that is shorter is not a secret, and may stand anywhere. */
  private static final int SHORTEST = 6;

  /** So many first characters of a secret are not there by chance: the rest was cut off. */
  private static final int TELLING_START = 16;

  /** At the end of a text, where it may have been cut, fewer are enough. */
  private static final int TELLING_END = 4;

  /** A character in JSON, in a URL or in HTML, and as that spells itself, up to three times. */
  private static final Pattern SPELLING =
      Pattern.compile(
          "\\\\{1,7}+(?:u(\\p{XDigit}{4})|([^\\\\u]))"
              + "|%(?:25){0,3}(\\p{XDigit}{2})"
              + "|&(?:amp;){0,3}(?:#[xX](\\p{XDigit}{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));",
          Pattern.DOTALL);

  private static final int ESCAPED = 2;
  private static final int DECIMAL = 5;
  private static final int NAMED = 6;
  private static final Map<String, Character> NAMES =
      Map.of("amp", '&', "lt", '<', "gt", '>', "quot", '"', "apos", '\'');

  /** No spelling of a character is longer: {@code &amp;amp;amp;#x0000;} and the like. */
  private static final int LONGEST_SPELLING = 24;

  private final List<String> secrets;

  private Redaction(List<String> secrets) {
    this.secrets = secrets;
  }

  /**
   * @param secrets what to take out; null and what is shorter than 6 characters are left out
   */
  public static Redaction of(String... secrets) {
    List<String> known =
        Stream.of(secrets)
            .filter(Objects::nonNull)
            .filter(secret -> secret.length() >= SHORTEST)
            .flatMap(secret -> Stream.of(secret, asBytes(secret)))
            .distinct()
            .toList();
    return known.isEmpty() ? NONE : new Redaction(known);
  }

  /** A character per byte: as a secret stands in a body that is quoted, and in a URL. */
  private static String asBytes(String secret) {
    return new String(secret.getBytes(UTF_8), ISO_8859_1);
  }

  /** The text with {@code [hidden]} in the place of each secret. */
  public String text(String text) {
    if (text == null || secrets.isEmpty()) {
      return text;
    }
    Matcher spelling = SPELLING.matcher(text);
    StringBuilder clean = new StringBuilder();
    int copied = 0;
    for (int at = 0; at < text.length(); at++) {
      int end = endOfSecret(text, at, spelling);
      if (end >= 0) {
        clean.append(text, copied, at).append(HIDDEN);
        copied = end;
        at = end - 1;
      }
    }
    return copied == 0 ? text : clean.append(text, copied, text.length()).toString();
  }

  /** The first characters of a text without secrets, also of one that is cut by the limit. */
  public String excerpt(String text, int limit) {
    String clean = text(text.substring(0, Math.min(text.length(), limit + slack())));
    return clean.length() <= limit ? clean : clean.substring(0, limit);
  }

  /** The first bytes of a body without secrets, also of one that is cut by the limit; or null. */
  public byte[] excerpt(byte[] body, int limit) {
    if (body == null) {
      return null;
    }
    if (secrets.isEmpty()) {
      return body.length <= limit ? body : Arrays.copyOf(body, limit);
    }
    int read = Math.min(body.length, limit + slack());
    return excerpt(new String(body, 0, read, ISO_8859_1), limit).getBytes(ISO_8859_1);
  }

  /** What has to be read beyond a cut to know a secret that it goes through. */
  private int slack() {
    return LONGEST_SPELLING * secrets.stream().mapToInt(String::length).max().orElse(0);
  }

  /** Where the longest secret ends that begins here, or -1. */
  private int endOfSecret(String text, int from, Matcher spelling) {
    int end = -1;
    for (String secret : secrets) {
      end = Math.max(end, endOf(secret, text, from, spelling));
    }
    return end;
  }

  private static int endOf(String secret, String text, int from, Matcher spelling) {
    int at = from;
    int matched = 0;
    while (matched < secret.length() && at < text.length()) {
      char wanted = secret.charAt(matched);
      char found = text.charAt(at);
      if ("\\%&".indexOf(found) >= 0
          && spelling.region(at, text.length()).lookingAt()
          && isSame(wanted, character(spelling))) {
        at = spelling.end();
      } else if (isSame(wanted, found)) {
        at++;
      } else {
        break;
      }
      matched++;
    }
    boolean telling =
        matched == secret.length()
            || matched >= TELLING_START
            || (matched >= TELLING_END && at == text.length());
    return telling ? at : -1;
  }

  private static boolean isSame(int a, int b) {
    return a == b || Character.toLowerCase(a) == Character.toLowerCase(b);
  }

  /** The character that was found spelled in one of the ways. */
  private static int character(MatchResult spelling) {
    int way = 1;
    while (spelling.group(way) == null) {
      way++;
    }
    String spelled = spelling.group(way);
    return switch (way) {
      case ESCAPED -> spelled.charAt(0);
      case DECIMAL -> Integer.parseInt(spelled);
      case NAMED -> NAMES.get(spelled);
      default -> Integer.parseInt(spelled, 16);
    };
  }
}
