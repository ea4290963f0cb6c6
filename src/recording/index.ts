/** `blindreel/recording`: recordings of several tracks, and how complete one is. */
export {
  envelopeName,
  manifestName,
  type ObjectNameParts,
  objectName,
  parseObjectName,
} from "./object-name.js";
