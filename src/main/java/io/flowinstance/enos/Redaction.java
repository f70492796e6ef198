package io.flowinstance.enos;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
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

  /** A text that is shorter is no secret, and may stand anywhere. */
  private static final int SHORTEST = 6;

  /** So many first characters of a secret are not there by chance: the rest was cut off. */
  private static final int TELLING_START = 16;

  /** At the end of a text, where it may have been cut, fewer are enough. */
  private static final int TELLING_END = 4;

  /** No spelling of a character is longer: {@code &amp;#x0000;} and the like. */
  private static final int LONGEST_SPELLING = 16;

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
            .toList();
    return known.isEmpty() ? NONE : new Redaction(known);
  }

  /** Takes out what this one and the other know. */
  public Redaction and(Redaction other) {
    return new Redaction(Stream.concat(secrets.stream(), other.secrets.stream()).toList());
  }

  /** The text with {@code [hidden]} in the place of each secret. */
  public String text(String text) {
    if (text == null || secrets.isEmpty()) {
      return text;
    }
    StringBuilder clean = null;
    int copied = 0;
    for (int at = 0; at < text.length(); ) {
      int end = endOfSecret(text, at);
      if (end < 0) {
        at++;
        continue;
      }
      if (clean == null) {
        clean = new StringBuilder(text.length());
      }
      clean.append(text, copied, at).append(HIDDEN);
      copied = end;
      at = end;
    }
    return clean == null ? text : clean.append(text, copied, text.length()).toString();
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

  /** Where the secret ends that begins here, or -1. */
  private int endOfSecret(String text, int from) {
    int end = -1;
    for (String secret : secrets) {
      end = Math.max(end, endOf(secret, text, from));
    }
    return end;
  }

  private static int endOf(String secret, String text, int from) {
    int at = from;
    int matched = 0;
    while (matched < secret.length() && at < text.length()) {
      char wanted = secret.charAt(matched);
      long spelled = Spelling.at(text, at);
      if (isSame(wanted, Spelling.character(spelled))) {
        at = Spelling.end(spelled);
      } else if (isSame(wanted, text.charAt(at))) {
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

  private static boolean isSame(char a, char b) {
    return a == b || Character.toLowerCase(a) == Character.toLowerCase(b);
  }

  /** A character as it is spelled in JSON, a URL or HTML: which one, and where the next begins. */
  private static final class Spelling {
    /** Of a quotation mark in JSON in JSON in JSON. */
    private static final int MOST_BACKSLASHES = 7;

    private Spelling() {}

    static char character(long spelled) {
      return (char) spelled;
    }

    static int end(long spelled) {
      return (int) (spelled >>> 16);
    }

    private static long of(int character, int end) {
      return (long) end << 16 | character & 0xffff;
    }

    static long at(String text, int from) {
      return switch (text.charAt(from)) {
        case '\\' -> json(text, from);
        case '%' -> url(text, from);
        case '&' -> html(text, from);
        default -> of(text.charAt(from), from + 1);
      };
    }

    private static long json(String text, int from) {
      int at = from;
      while (at < text.length() && text.charAt(at) == '\\' && at - from < MOST_BACKSLASHES) {
        at++;
      }
      if (at == text.length()) {
        return of('\\', from + 1);
      }
      if (text.charAt(at) == 'u') {
        int code = number(text, at + 1, at + 5, 16);
        return code < 0 ? of('\\', from + 1) : of(code, at + 5);
      }
      return of(text.charAt(at), at + 1);
    }

    private static long url(String text, int from) {
      int at = from + 1;
      while (text.startsWith("25", at) && number(text, at + 2, at + 4, 16) >= 0) {
        at += 2;
      }
      int code = number(text, at, at + 2, 16);
      return code < 0 ? of('%', from + 1) : of(code, at + 2);
    }

    private static long html(String text, int from) {
      int at = from + 1;
      while (text.startsWith("amp;", at) && entity(text, at + 4) >= 0) {
        at += 4;
      }
      long found = entity(text, at);
      return found < 0 ? of('&', from + 1) : found;
    }

    /** What stands after an ampersand, or -1. */
    private static long entity(String text, int at) {
      int end = at;
      while (end < text.length() && text.charAt(end) != ';') {
        if (end - at == LONGEST_SPELLING) {
          return -1;
        }
        end++;
      }
      if (end == text.length()) {
        return -1;
      }
      String name = text.substring(at, end);
      int code =
          switch (name) {
            case "amp" -> '&';
            case "lt" -> '<';
            case "gt" -> '>';
            case "quot" -> '"';
            case "apos" -> '\'';
            default ->
                name.startsWith("#x") || name.startsWith("#X")
                    ? number(name, 2, name.length(), 16)
                    : name.startsWith("#") ? number(name, 1, name.length(), 10) : -1;
          };
      return code < 0 ? -1 : of(code, end + 1);
    }

    /** The number that these characters write, or -1. */
    private static int number(String text, int from, int to, int radix) {
      if (to > text.length() || from == to) {
        return -1;
      }
      int number = 0;
      for (int at = from; at < to; at++) {
        int digit = Character.digit(text.charAt(at), radix);
        if (digit < 0) {
          return -1;
        }
        number = number * radix + digit;
      }
      return number;
    }
  }
}
