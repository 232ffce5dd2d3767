internal import CLinux

/// Text that a terminal takes for nothing but text, in as many columns as wcwidth(3) says: names of directories may
/// hold anything.
///
/// Terminals do not agree on how wide an emoji is that is put together of several: of such a one its first part is shown.
public func printable(_ text: String) -> String {
    // Nearly all text is this.
    if text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return text }
    var result = ""
    for character in text { result.append(contentsOf: printable(character)) }
    return result
}

/// One character of such a text; empty where it is nothing to be seen.
public func printable(_ character: Character) -> String {
    var result = String.UnicodeScalarView()
    for scalar in character.unicodeScalars {
        if let first = result.first, isEmojiPart(scalar, after: first) { break }
        // wcwidth(3) has a NUL take no room, as an accent does. What changes the direction of all that follows is not shown either.
        let isHarmless = scalar.value != 0 && cl_scalar_width(scalar.value) >= 0 && !scalar.properties.isBidiControl
        result.append(isHarmless ? scalar : "?")
    }
    return String(result)
}

private func isEmojiPart(_ scalar: Unicode.Scalar, after first: Unicode.Scalar) -> Bool {
    guard first.properties.isEmoji else { return false }
    return scalar.properties.isVariationSelector || scalar.properties.isEmojiModifier || scalar.value == 0x200d
        || scalar.value == 0x20e3 || (0xe0020...0xe007f).contains(scalar.value)
}

/// Lines of such text, with their ends.
public func printable(lines text: String) -> String {
    if text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) || $0 == 0x0a }) { return text }
    return text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
        .map { printable(String($0)) }.joined(separator: "\n")
}
