/// The entry point: SwiftPM makes `main` another name of it.
@_cdecl("sheaf_agent_main") func main(_ count: Int32, _ values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 { 0 }
