import theme from "vitepress/theme-without-fonts";
import "./own.css";

export default theme;
